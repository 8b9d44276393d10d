"""Service accounts and their keys between models and messages."""

from collections.abc import Iterable

from gatehouse.serviceaccounts.v1 import api_key_pb2, service_account_pb2
from gatehouse.serviceaccounts.v1 import service_account_service_pb2 as pb

from service.kernel.call import Committed
from service.serviceaccounts.models import ApiKey, IssuedKey, ServiceAccount, State, Wanted

_TO_STATE = {
    State.ACTIVE: service_account_pb2.ServiceAccount.STATE_ACTIVE,
    State.SUSPENDED: service_account_pb2.ServiceAccount.STATE_SUSPENDED,
}
_FROM_STATE = {message: state for state, message in _TO_STATE.items()}


def service_account(found: ServiceAccount) -> service_account_pb2.ServiceAccount:
    """A service account as clients see it."""
    message = service_account_pb2.ServiceAccount(
        name=found.name,
        display_name=found.display_name,
        description=found.description,
        state=_TO_STATE[found.state],
        etag=found.etag,
    )
    message.create_time.FromDatetime(found.create_time)
    message.update_time.FromDatetime(found.update_time)
    return message


def service_accounts(found: Iterable[ServiceAccount]) -> list[service_account_pb2.ServiceAccount]:
    """Service accounts as clients see them."""
    return [service_account(one) for one in found]


def api_key(found: ApiKey) -> api_key_pb2.ApiKey:
    """A key as clients see it, without its secret."""
    message = api_key_pb2.ApiKey(name=found.name, prefix=found.prefix, scopes=sorted(found.scopes))
    message.create_time.FromDatetime(found.create_time)
    if found.expire_time is not None:
        message.expire_time.FromDatetime(found.expire_time)
    if found.last_used_time is not None:
        message.last_used_time.FromDatetime(found.last_used_time)
    if found.revoke_time is not None:
        message.revoke_time.FromDatetime(found.revoke_time)
    return message


def api_keys(found: Iterable[ApiKey]) -> list[api_key_pb2.ApiKey]:
    """Keys as clients see them."""
    return [api_key(one) for one in found]


def wanted(message: service_account_pb2.ServiceAccount) -> Wanted:
    """What a client says of a service account."""
    return Wanted(
        message.name, message.display_name, message.description, _FROM_STATE.get(message.state)
    )


def created(committed: Committed[ServiceAccount]) -> pb.CreateServiceAccountResponse:
    """The answer to CreateServiceAccount."""
    return pb.CreateServiceAccountResponse(
        service_account=service_account(committed.value), revision=committed.revision
    )


def updated(committed: Committed[ServiceAccount]) -> pb.UpdateServiceAccountResponse:
    """The answer to UpdateServiceAccount."""
    return pb.UpdateServiceAccountResponse(
        service_account=service_account(committed.value), revision=committed.revision
    )


def deleted(committed: Committed[None]) -> pb.DeleteServiceAccountResponse:
    """The answer to DeleteServiceAccount."""
    return pb.DeleteServiceAccountResponse(revision=committed.revision)


def key_created(committed: Committed[IssuedKey]) -> pb.CreateApiKeyResponse:
    """The answer to CreateApiKey."""
    issued = committed.value
    return pb.CreateApiKeyResponse(api_key=api_key(issued.key), secret=issued.secret)


def key_revoked(committed: Committed[ApiKey]) -> pb.RevokeApiKeyResponse:
    """The answer to RevokeApiKey."""
    return pb.RevokeApiKeyResponse(api_key=api_key(committed.value))
