"""Sessions between models and messages."""

from collections.abc import Iterable

from gatehouse.sessions.v1 import session_pb2
from gatehouse.sessions.v1 import session_service_pb2 as pb

from service.kernel.call import Committed
from service.sessions.models import Session


def session(found: Session) -> session_pb2.Session:
    """A session as clients see it."""
    message = session_pb2.Session(
        name=found.name,
        subject=found.subject,
        device=found.device,
        peer_address=found.peer_address,
    )
    message.create_time.FromDatetime(found.create_time)
    message.last_seen_time.FromDatetime(found.last_seen_time or found.refresh_time)
    message.expire_time.FromDatetime(found.expire_time)
    if found.revoke_time is not None:
        message.revoke_time.FromDatetime(found.revoke_time)
    return message


def sessions(found: Iterable[Session]) -> list[session_pb2.Session]:
    """Sessions as clients see them."""
    return [session(one) for one in found]


def revoked(committed: Committed[Session]) -> pb.RevokeSessionResponse:
    """The answer to RevokeSession."""
    return pb.RevokeSessionResponse(session=session(committed.value))


def all_revoked(committed: Committed[int]) -> pb.RevokeAllSessionsResponse:
    """The answer to RevokeAllSessions."""
    return pb.RevokeAllSessionsResponse(revoked_count=committed.value)
