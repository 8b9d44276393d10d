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


def is_user(subject: str) -> bool:
    """Whether a subject is a person, not a service account or a group."""
    return subject.startswith("users/")


def session(session_id: UUID) -> str:
    """`sessions/{id}`."""
    return f"sessions/{session_id}"


def grant(grant_id: UUID) -> str:
    """`grants/{id}`."""
    return f"grants/{grant_id}"


def webhook(webhook_id: UUID) -> str:
    """`webhooks/{id}`."""
    return f"webhooks/{webhook_id}"


def event(event_id: UUID) -> str:
    """`events/{id}`."""
    return f"events/{event_id}"


def api_key(service_account: str, key_id: UUID) -> str:
    """`serviceAccounts/{id}/apiKeys/{id}`."""
    return f"{service_account}/apiKeys/{key_id}"


def user_id(name: str, *, field: str = "name") -> UUID:
    """The id in `users/{id}`. Raises InvalidArgument."""
    return _id(name, "users", field)


def session_id(name: str, *, field: str = "name") -> UUID:
    """The id in `sessions/{id}`. Raises InvalidArgument."""
    return _id(name, "sessions", field)


def grant_id(name: str, *, field: str = "name") -> UUID:
    """The id in `grants/{id}`. Raises InvalidArgument."""
    return _id(name, "grants", field)


def webhook_id(name: str, *, field: str = "name") -> UUID:
    """The id in `webhooks/{id}`. Raises InvalidArgument."""
    return _id(name, "webhooks", field)


def event_id(name: str, *, field: str = "event") -> UUID:
    """The id in `events/{id}`. Raises InvalidArgument."""
    return _id(name, "events", field)


def api_key_ids(name: str, *, field: str = "name") -> tuple[str, UUID]:
    """Account and id in `serviceAccounts/{id}/apiKeys/{id}`. Raises InvalidArgument."""
    account, *key = name.rsplit("/", 2)
    return account, _id("/".join(key), "apiKeys", field)


def _id(name: str, collection: str, field: str) -> UUID:
    prefix, _, tail = name.partition("/")
    try:
        found = UUID(tail)
    except ValueError:
        found = None
    if found is None or prefix != collection or str(found) != tail:
        raise InvalidArgument.field(field, f"must be {collection}/{{id}} with a lower-case UUID")
    return found
