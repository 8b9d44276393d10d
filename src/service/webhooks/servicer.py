"""gatehouse.webhooks.v1.WebhookService."""

from gatehouse.webhooks.v1 import webhook_service_pb2 as pb
from gatehouse.webhooks.v1 import webhook_service_pb2_grpc as rpc

from service.kernel import names
from service.kernel.call import Call, Committed
from service.transport.answers import answers
from service.transport.paging import page_request
from service.webhooks import convert
from service.webhooks.models import Delivery, Secured, Webhook
from service.webhooks.service import WebhookService


class WebhookServicer(rpc.WebhookServiceServicer):
    """Unpacks, asks the service, packs."""

    def __init__(self, webhooks: WebhookService) -> None:
        self._webhooks = webhooks

    @answers(convert.created)
    def CreateWebhook(self, request: pb.CreateWebhookRequest, call: Call) -> Committed[Secured]:
        return self._webhooks.create(call, convert.wanted(request.webhook))

    def GetWebhook(self, request: pb.GetWebhookRequest, call: Call) -> pb.GetWebhookResponse:
        found = self._webhooks.get(names.webhook_id(request.name))
        return pb.GetWebhookResponse(webhook=convert.webhook(found))

    def ListWebhooks(self, request: pb.ListWebhooksRequest, call: Call) -> pb.ListWebhooksResponse:
        page = self._webhooks.list(page_request(request))
        return pb.ListWebhooksResponse(
            webhooks=convert.webhooks(page.items), next_page_token=page.next_page_token
        )

    @answers(convert.updated)
    def UpdateWebhook(self, request: pb.UpdateWebhookRequest, call: Call) -> Committed[Webhook]:
        return self._webhooks.update(
            call,
            names.webhook_id(request.webhook.name),
            convert.wanted(request.webhook),
            request.update_mask.paths,
            etag=request.webhook.etag,
        )

    @answers(convert.deleted)
    def DeleteWebhook(self, request: pb.DeleteWebhookRequest, call: Call) -> Committed[None]:
        return self._webhooks.delete(call, names.webhook_id(request.name), etag=request.etag)

    @answers(convert.rotated)
    def RotateSecret(self, request: pb.RotateSecretRequest, call: Call) -> Committed[Secured]:
        return self._webhooks.rotate_secret(call, names.webhook_id(request.name))

    @answers(convert.pinged)
    def PingWebhook(self, request: pb.PingWebhookRequest, call: Call) -> Committed[Delivery]:
        return self._webhooks.ping(call, names.webhook_id(request.name))

    def ListDeliveries(
        self, request: pb.ListDeliveriesRequest, call: Call
    ) -> pb.ListDeliveriesResponse:
        page = self._webhooks.deliveries(
            names.webhook_id(request.webhook),
            convert.delivery_filter(request),
            page_request(request),
        )
        return pb.ListDeliveriesResponse(
            deliveries=convert.deliveries(page.items), next_page_token=page.next_page_token
        )

    @answers(convert.redelivered)
    def RedeliverEvent(self, request: pb.RedeliverEventRequest, call: Call) -> Committed[Delivery]:
        return self._webhooks.redeliver(
            call, names.webhook_id(request.webhook), names.event_id(request.event)
        )
