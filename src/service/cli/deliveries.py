"""`gatehouse webhooks ping`, `deliveries` and `redeliver`: what was sent, and how that went."""

from time import monotonic, sleep
from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.webhooks.v1 import webhook_service_pb2 as pb
from gatehouse.webhooks.v1.webhook_pb2 import Delivery

from service.cli.client import Client, against_server
from service.cli.event_view import type_shown
from service.cli.failure import Failed
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.screen import Column, exactly, when
from service.cli.who import named

# What `redeliver` takes comes first.
_COLUMNS = [
    Column("EVENT"),
    Column("TYPE", from_width=100, folds=True),
    Column("STATE"),
    Column("TRIES"),
    Column("ANSWER", folds=True),
    Column("NEXT TRY", from_width=120),
    Column("LAST TRY", from_width=140),
    Column("ASKED FOR", from_width=160),
]
# Of what a receiver says, as much as people read in a table or a line.
_EXCERPT = 60
# Seconds that `ping` waits, a little longer than the server for an answer, and looks again after.
_PATIENCE = 20.0
_LOOK = 0.2

Name = Annotated[
    str,
    typer.Argument(metavar="WEBHOOK", show_default=False, help="webhooks/{id}, or the id alone."),
]


@against_server
def ping(client: Client, webhook: Name) -> None:
    """Try a webhook, and say how it answers.

    It alone is sent an event. Where that is not answered well the exit code is 1, and it is sent
    again later, as all events are.

    \b
    Examples:
      gatehouse webhooks ping 01890a5d-ac96-774b-bcce-b302099a8057
    """
    name = named("webhooks", webhook)
    request = pb.PingWebhookRequest(name=name, request_id=str(uuid4()))
    sent = _tried(client, name, client.webhooks.PingWebhook(request).delivery)
    if sent.state == Delivery.STATE_SUCCEEDED:
        told = f"{name} works: its receiver answered {_answer(sent)}."
        client.screen.answer(pb.PingWebhookResponse(delivery=sent), told)
        return
    if client.screen.as_json:
        client.screen.json(pb.PingWebhookResponse(delivery=sent))
    why = f"nothing was sent within {_PATIENCE:.0f} s, is a worker running?"
    if sent.response_code:
        why = f"its receiver answered {_answer(sent)}"
    elif sent.error:
        why = _answer(sent)
    raise Failed(
        f"{name} does not work: {why}: `gatehouse webhooks deliveries {name}` shows how it goes on"
    )


@against_server
def deliveries(
    client: Client,
    webhook: Name,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what was given up: the dead letters.")
    ] = False,
    event: Annotated[
        str,
        typer.Option(
            metavar="EVENT", show_default=False, help="Only this: events/{id}, or the id alone."
        ),
    ] = "",
    limit: Limit = 50,
    page_token: PageToken = "",
) -> None:
    """List what was sent and what is to be, newest event first.

    \b
    Examples:
      gatehouse webhooks deliveries 01890a5d-ac96-774b-bcce-b302099a8057
      gatehouse webhooks deliveries 01890a5d-ac96-774b-bcce-b302099a8057 --failed --limit 0
    """
    request = pb.ListDeliveriesRequest(
        webhook=named("webhooks", webhook),
        state=Delivery.STATE_FAILED if failed else Delivery.STATE_UNSPECIFIED,
        event=named("events", event) if event else "",
        page_token=page_token,
    )
    found = read_pages(client.webhooks.ListDeliveries, request, pb.ListDeliveriesResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table(_COLUMNS, map(_row, found.deliveries))
    client.screen.more(found.next_page_token)


@against_server
def redeliver(
    client: Client,
    webhook: Name,
    event: Annotated[
        str,
        typer.Argument(
            metavar="EVENT", show_default=False, help="events/{id}, or the id alone; any event."
        ),
    ],
) -> None:
    """Send an event again. It may be one that the webhook was never sent.

    \b
    Examples:
      gatehouse webhooks redeliver 01890a5d-ac96-774b-bcce-b302099a8057 \\
          events/01890a60-1c5e-7d1b-9c2a-5f0e6f3c9b11
    """
    name = named("webhooks", webhook)
    answer = client.webhooks.RedeliverEvent(
        pb.RedeliverEventRequest(
            webhook=name, event=named("events", event), request_id=str(uuid4())
        )
    )
    client.screen.answer(answer, f"{answer.delivery.event} is on its way to {name}.")


def _tried(client: Client, webhook: str, asked: Delivery) -> Delivery:
    """The delivery after its first try, or as it is when patience is at its end."""
    request = pb.ListDeliveriesRequest(webhook=webhook, event=asked.event)
    deadline = monotonic() + _PATIENCE
    while True:
        # It is there as soon as the event was looked at for whom to send it to.
        found = next(iter(client.webhooks.ListDeliveries(request).deliveries), asked)
        if found.response_code or found.error or monotonic() > deadline:
            return found
        sleep(_LOOK)


def _row(delivery: Delivery) -> list[str]:
    return [
        delivery.event,
        type_shown(delivery.event_type),
        Delivery.State.Name(delivery.state).removeprefix("STATE_").lower(),
        str(delivery.attempts),
        _answer(delivery),
        exactly(delivery.next_attempt_time) if delivery.HasField("next_attempt_time") else "",
        exactly(delivery.last_attempt_time) if delivery.HasField("last_attempt_time") else "",
        when(delivery.create_time),
    ]


def _answer(delivery: Delivery) -> str:
    """How the last try was answered: the status and what came with it, or why there was none."""
    if not delivery.response_code:
        return delivery.error.rstrip(".")
    said = " ".join(delivery.response_excerpt.split())
    if len(said) > _EXCERPT:
        said = f"{said[:_EXCERPT]}…"
    return f"{delivery.response_code} {said}".rstrip()
