"""Webhooks as people read them."""

from collections.abc import Iterable

from gatehouse.webhooks.v1 import webhook_service_pb2 as pb
from gatehouse.webhooks.v1.webhook_pb2 import Webhook

from service.cli.client import Client
from service.cli.event_view import type_shown
from service.cli.screen import Column, when

_COLUMNS = [
    Column("NAME"),
    Column("STATE"),
    Column("URL", folds=True),
    Column("TYPES", from_width=100, folds=True),
    Column("DESCRIPTION", from_width=140, folds=True),
    Column("CREATED", from_width=160),
]


def show_webhooks(client: Client, found: pb.ListWebhooksResponse) -> None:
    """Prints a list of webhooks."""
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table(_COLUMNS, _rows(found.webhooks))
    client.screen.more(found.next_page_token)


def show_webhook(client: Client, answer: pb.GetWebhookResponse | pb.UpdateWebhookResponse) -> None:
    """Prints one webhook."""
    if client.screen.as_json:
        client.screen.json(answer)
        return
    webhook = answer.webhook
    client.screen.facts(
        {
            "name": webhook.name,
            "url": webhook.url,
            "types": _types(webhook),
            "state": _state(webhook),
            "description": webhook.description,
            "created": when(webhook.create_time),
            "updated": when(webhook.update_time),
            "etag": webhook.etag,
        }
    )


def show_secret(
    client: Client, answer: pb.CreateWebhookResponse | pb.RotateSecretResponse, told: str
) -> None:
    """Prints the secret alone, and beside it whose it is."""
    client.screen.answer(answer, answer.secret)
    client.screen.note(f"{answer.webhook.name}, to {answer.webhook.url}. {told}")


def _rows(webhooks: Iterable[Webhook]) -> Iterable[list[str]]:
    for it in webhooks:
        yield [it.name, _state(it), it.url, _types(it), it.description, when(it.create_time)]


def _types(webhook: Webhook) -> str:
    return " ".join(map(type_shown, webhook.event_types)) or "all"


def _state(webhook: Webhook) -> str:
    return Webhook.State.Name(webhook.state).removeprefix("STATE_").lower()
