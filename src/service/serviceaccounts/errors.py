"""What can be wrong with a service account or its API key."""

from service.kernel.errors import NotFound, Unauthenticated
from service.kernel.reasons import ErrorReason


class ServiceAccountNotFound(NotFound):
    """There is no service account of that name."""

    reason = ErrorReason.SERVICE_ACCOUNT_NOT_FOUND
    resource_type = "gatehouse.serviceaccounts.v1.ServiceAccount"


class ApiKeyNotFound(NotFound):
    """The service account has no API key of that name."""

    reason = ErrorReason.API_KEY_NOT_FOUND
    resource_type = "gatehouse.serviceaccounts.v1.ApiKey"


class ApiKeyInvalid(Unauthenticated):
    """The secret opens nothing: one answer, whatever the cause.

    `service_account` and `key` say whose it was meant to be, where that is known. They are for the
    audit trail and are not sent.
    """

    reason = ErrorReason.API_KEY_INVALID

    def __init__(self, service_account: str = "", key: str = "") -> None:
        super().__init__("The API key is not valid, or its service account cannot sign in.")
        self.service_account = service_account
        self.key = key
