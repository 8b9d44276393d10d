"""Tokens, keys and revocations between models and messages."""

from collections.abc import Sequence
from datetime import timedelta

from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1 import tokens_pb2

from service.auth.keys import jwk
from service.auth.models import Identity, SignedIn, SigningKey
from service.kernel.call import Committed
from service.kernel.changes import Change, ChangeKind
from service.kernel.errors import InvalidArgument
from service.kernel.principal import Principal


def tokens(signed_in: SignedIn) -> tokens_pb2.Tokens:
    """What a client gets from a sign-in, refresh or exchange."""
    access = signed_in.access
    message = tokens_pb2.Tokens(
        access_token=access.jwt,
        refresh_token=signed_in.refresh_token,
        token_type="Bearer",  # noqa: S106 - what RFC 6750 calls the kind
        expires_in=int((access.expire_time - access.issue_time).total_seconds()),
        scopes=sorted(access.scopes),
        session=access.session,
    )
    if signed_in.refresh_expire_time is not None:
        left = signed_in.refresh_expire_time - access.issue_time
        message.refresh_expires_in = int(left.total_seconds())
    return message


def lifetime(request: pb.ExchangeTokenRequest) -> timedelta | None:
    """How long a client wants its token to live, if it says so."""
    if not request.HasField("lifetime"):
        return None
    try:
        return request.lifetime.ToTimedelta()
    except (ValueError, OverflowError):
        raise InvalidArgument.field("lifetime", "must be at most 10000 years") from None


def introspection(found: Principal | None) -> pb.IntrospectTokenResponse:
    """What is known of a token; nothing but `active: false` of one that is no good."""
    if found is None:
        return pb.IntrospectTokenResponse(active=False)
    message = pb.IntrospectTokenResponse(
        active=True,
        subject=found.subject,
        session=found.session,
        scopes=sorted(found.scopes),
    )
    message.issue_time.FromDatetime(found.issue_time)
    message.expire_time.FromDatetime(found.expire_time)
    return message


def identity(found: Identity) -> pb.WhoAmIResponse:
    """Who a caller is."""
    message = pb.WhoAmIResponse(
        subject=found.subject,
        display_name=found.display_name,
        session=found.session,
        scopes=sorted(found.scopes),
        roles=sorted(found.roles),
    )
    message.expire_time.FromDatetime(found.expire_time)
    return message


def password_changed(_committed: Committed[None]) -> pb.ChangePasswordResponse:
    """The answer to ChangePassword."""
    return pb.ChangePasswordResponse()


def jwks(keys: Sequence[SigningKey]) -> pb.GetJwksResponse:
    """The public keys."""
    return pb.GetJwksResponse(keys=[tokens_pb2.JsonWebKey(**jwk(key)) for key in keys])


def revocations(
    changes: Sequence[Change], cursor: str, revision: str
) -> pb.WatchRevocationsResponse:
    """News for verifiers, or a heartbeat."""
    return pb.WatchRevocationsResponse(
        revocations=[_revocation(change) for change in changes], cursor=cursor, revision=revision
    )


def _revocation(change: Change) -> tokens_pb2.Revocation:
    message = tokens_pb2.Revocation()
    match change.kind:
        case ChangeKind.SESSION_REVOKED:
            message.session = change.key
        case ChangeKind.SUBJECT_REVOKED:
            message.subject = change.key
        case ChangeKind.TOKEN_REVOKED:
            message.token_id = change.key
    if change.expire_time is not None:
        message.expire_time.FromDatetime(change.expire_time)
    return message
