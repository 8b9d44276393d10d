"""What can be wrong with a webhook."""

from service.kernel.errors import NotFound, PreconditionFailed
from service.kernel.reasons import ErrorReason


class WebhookNotFound(NotFound):
    """There is no webhook of that name."""

    reason = ErrorReason.WEBHOOK_NOT_FOUND
    resource_type = "gatehouse.webhooks.v1.Webhook"


class WebhookDisabled(PreconditionFailed):
    """Nothing is sent to the webhook until it is active again."""

    reason = ErrorReason.WEBHOOK_DISABLED

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is disabled; set its state to active first.")
