"""What every update shares: etags (AIP-154) and field masks (AIP-134, AIP-161)."""

from collections.abc import Collection, Mapping, Sequence

from service.kernel.errors import Aborted, InvalidArgument
from service.kernel.reasons import ErrorReason


class EtagMismatch(Aborted):
    """The resource has changed since the caller read it."""

    reason = ErrorReason.ETAG_MISMATCH

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has changed since it was read; read it again and retry.")


class InvalidUpdateMask(InvalidArgument):
    """The mask names what does not exist or cannot be changed."""

    reason = ErrorReason.INVALID_UPDATE_MASK


def require_etag(name: str, current: str, given: str) -> None:
    """Raises EtagMismatch unless the given etag is the resource's own, or empty."""
    if given and given != current:
        raise EtagMismatch(name)


def fields_to_change(
    mask: Sequence[str], changeable: Collection[str], populated: Collection[str]
) -> set[str]:
    """The fields that a mask names: `*` is all that can be changed, none is all that are populated.

    Raises InvalidUpdateMask.
    """
    if not mask:
        return set(populated)
    if list(mask) == ["*"]:
        return set(changeable)
    for path in mask:
        if path not in changeable:
            raise InvalidUpdateMask.field(
                "update_mask", f"{path!r} cannot be changed; {', '.join(changeable)} can"
            )
    return set(mask)


def take(resource: object, wanted: object, fields: Collection[str]) -> dict[str, object]:
    """Takes the fields from `wanted`; answers what those were before that were others."""
    before = {f: getattr(resource, f) for f in sorted(fields)}
    before = {f: was for f, was in before.items() if was != getattr(wanted, f)}
    for name in before:
        setattr(resource, name, getattr(wanted, name))
    return before


def told(
    before: Mapping[str, object], resource: object, shown: Collection[str]
) -> dict[str, object]:
    """What the event of an update says: which fields, and of those that may be shown the values.

    What people write, such as names, descriptions and labels, may not be: it can be personal.
    """
    changed: dict[str, object] = {"fields": list(before)}
    if values := sorted(before.keys() & set(shown)):
        changed["before"] = {name: _plain(before[name]) for name in values}
        changed["after"] = {name: _plain(getattr(resource, name)) for name in values}
    return changed


def state_told(before: str, after: str) -> dict[str, object]:
    """What the event of a changed state says."""
    return {"before": {"state": before}, "after": {"state": after}}


def _plain(value: object) -> object:
    """As JSON has it."""
    return sorted(value) if isinstance(value, frozenset) else value
