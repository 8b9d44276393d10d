"""Resource names (AIP-122): `users/{uuid7}`, `sessions/{uuid7}` and so on."""

from uuid import UUID

from uuid_utils.compat import uuid7

from service.kernel.errors import InvalidArgument


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): sorts by creation, to the millisecond."""
    return uuid7()


def user(user_id: UUID) -> str:
    """`users/{id}`."""
    return f"users/{user_id}"


def session(session_id: UUID) -> str:
    """`sessions/{id}`."""
    return f"sessions/{session_id}"


def user_id(name: str, *, field: str = "name") -> UUID:
    """The id in `users/{id}`. Raises InvalidArgument."""
    return _id(name, "users", field)


def session_id(name: str, *, field: str = "name") -> UUID:
    """The id in `sessions/{id}`. Raises InvalidArgument."""
    return _id(name, "sessions", field)


def _id(name: str, collection: str, field: str) -> UUID:
    prefix, _, tail = name.partition("/")
    try:
        found = UUID(tail)
    except ValueError:
        found = None
    if found is None or prefix != collection or str(found) != tail:
        raise InvalidArgument.field(field, f"must be {collection}/{{id}} with a lower-case UUID")
    return found
