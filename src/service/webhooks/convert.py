"""Webhooks and deliveries between models and messages."""

from collections.abc import Iterable

from gatehouse.webhooks.v1 import webhook_pb2
from gatehouse.webhooks.v1 import webhook_service_pb2 as pb

from service.kernel import names
from service.kernel.call import Committed
from service.webhooks.models import (
    Delivery,
    DeliveryFilter,
    DeliveryState,
    Secured,
    State,
    Wanted,
    Webhook,
)

_TO_STATE = {
    State.ACTIVE: webhook_pb2.Webhook.STATE_ACTIVE,
    State.DISABLED: webhook_pb2.Webhook.STATE_DISABLED,
}
_FROM_STATE = {message: state for state, message in _TO_STATE.items()}
_TO_DELIVERY_STATE = {
    DeliveryState.PENDING: webhook_pb2.Delivery.STATE_PENDING,
    DeliveryState.SUCCEEDED: webhook_pb2.Delivery.STATE_SUCCEEDED,
    DeliveryState.FAILED: webhook_pb2.Delivery.STATE_FAILED,
}
_FROM_DELIVERY_STATE = {message: state for state, message in _TO_DELIVERY_STATE.items()}


def webhook(found: Webhook) -> webhook_pb2.Webhook:
    """A webhook as clients see it, without its secret."""
    message = webhook_pb2.Webhook(
        name=found.name,
        url=found.url,
        event_types=found.event_types,
        state=_TO_STATE[found.state],
        description=found.description,
        etag=found.etag,
    )
    message.create_time.FromDatetime(found.create_time)
    message.update_time.FromDatetime(found.update_time)
    return message


def webhooks(found: Iterable[Webhook]) -> list[webhook_pb2.Webhook]:
    """Webhooks as clients see them."""
    return [webhook(one) for one in found]


def delivery(found: Delivery) -> webhook_pb2.Delivery:
    """A delivery as clients see it."""
    message = webhook_pb2.Delivery(
        name=f"{names.webhook(found.webhook)}/deliveries/{found.event}",
        event=names.event(found.event),
        event_type=found.event_type,
        state=_TO_DELIVERY_STATE[found.state],
        attempts=found.attempts,
        response_code=found.response_code,
        response_excerpt=found.response_excerpt,
        error=found.error,
    )
    message.create_time.FromDatetime(found.create_time)
    if found.last_attempt_time is not None:
        message.last_attempt_time.FromDatetime(found.last_attempt_time)
    if found.next_attempt_time is not None:
        message.next_attempt_time.FromDatetime(found.next_attempt_time)
    return message


def deliveries(found: Iterable[Delivery]) -> list[webhook_pb2.Delivery]:
    """Deliveries as clients see them."""
    return [delivery(one) for one in found]


def wanted(message: webhook_pb2.Webhook) -> Wanted:
    """What a client says of a webhook."""
    return Wanted(
        message.url,
        list(message.event_types),
        _FROM_STATE.get(message.state),
        message.description,
    )


def delivery_filter(request: pb.ListDeliveriesRequest) -> DeliveryFilter:
    """Which deliveries a client asks for."""
    return DeliveryFilter(
        state=_FROM_DELIVERY_STATE.get(request.state),
        event=names.event_id(request.event) if request.event else None,
    )


def created(committed: Committed[Secured]) -> pb.CreateWebhookResponse:
    """The answer to CreateWebhook."""
    secured = committed.value
    return pb.CreateWebhookResponse(webhook=webhook(secured.webhook), secret=secured.secret)


def updated(committed: Committed[Webhook]) -> pb.UpdateWebhookResponse:
    """The answer to UpdateWebhook."""
    return pb.UpdateWebhookResponse(webhook=webhook(committed.value))


def deleted(_: Committed[None]) -> pb.DeleteWebhookResponse:
    """The answer to DeleteWebhook."""
    return pb.DeleteWebhookResponse()


def rotated(committed: Committed[Secured]) -> pb.RotateSecretResponse:
    """The answer to RotateSecret."""
    secured = committed.value
    return pb.RotateSecretResponse(webhook=webhook(secured.webhook), secret=secured.secret)


def pinged(committed: Committed[Delivery]) -> pb.PingWebhookResponse:
    """The answer to PingWebhook."""
    return pb.PingWebhookResponse(delivery=delivery(committed.value))


def redelivered(committed: Committed[Delivery]) -> pb.RedeliverEventResponse:
    """The answer to RedeliverEvent."""
    return pb.RedeliverEventResponse(delivery=delivery(committed.value))
