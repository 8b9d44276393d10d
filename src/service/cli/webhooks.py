"""`gatehouse webhooks …`."""

from enum import StrEnum
from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.webhooks.v1 import webhook_service_pb2 as pb
from gatehouse.webhooks.v1.webhook_pb2 import Webhook

from service.cli.client import Client, against_server
from service.cli.deliveries import Name, deliveries, ping, redeliver
from service.cli.event_view import type_prefix
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.usage import Commands
from service.cli.webhook_view import show_secret, show_webhook, show_webhooks
from service.cli.who import named

app = Commands("Have events sent to services of your own.")


class State(StrEnum):
    """Whether events are sent."""

    ACTIVE = "active"
    DISABLED = "disabled"


Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="PREFIX",
        show_default=False,
        help="Send only types that begin so, such as users.; may be repeated. Default: all.",
    ),
]
Description = Annotated[
    str | None, typer.Option(metavar="TEXT", show_default=False, help="What it is for.")
]
Etag = Annotated[
    str, typer.Option(metavar="ETAG", help="Refuse if the webhook has changed since it had it.")
]


@app.command("list")
@against_server
def list_webhooks(client: Client, limit: Limit = 50, page_token: PageToken = "") -> None:
    """List webhooks, oldest first.

    \b
    Examples:
      gatehouse webhooks list
      gatehouse webhooks list --limit 0 --json
    """
    request = pb.ListWebhooksRequest(page_token=page_token)
    found = read_pages(client.webhooks.ListWebhooks, request, pb.ListWebhooksResponse(), limit)
    show_webhooks(client, found)


@app.command()
@against_server
def create(
    client: Client,
    url: Annotated[
        str, typer.Argument(metavar="URL", show_default=False, help="Where to, over https.")
    ],
    type_: Types = None,
    description: Description = None,
) -> None:
    """Have events sent from now on. The secret alone goes to standard output, this once.

    The receiver needs it to know that messages are from here: Standard Webhooks has libraries.

    \b
    Examples:
      gatehouse webhooks create https://crm.example.com/hooks --type users. > hook.secret
      gatehouse webhooks create https://siem.example.com/gatehouse --description "All of it"
    """
    made = Webhook(url=url, event_types=_prefixes(type_), description=description or "")
    answer = client.webhooks.CreateWebhook(
        pb.CreateWebhookRequest(webhook=made, request_id=str(uuid4()))
    )
    show_secret(client, answer, "Its secret is shown this once: keep it.")


@app.command()
@against_server
def show(client: Client, webhook: Name) -> None:
    """Show a webhook, without its secret.

    \b
    Examples:
      gatehouse webhooks show webhooks/01890a5d-ac96-774b-bcce-b302099a8057
    """
    answer = client.webhooks.GetWebhook(pb.GetWebhookRequest(name=named("webhooks", webhook)))
    show_webhook(client, answer)


@app.command()
@against_server
def update(
    client: Client,
    webhook: Name,
    url: Annotated[
        str | None, typer.Option(metavar="URL", show_default=False, help="Where to from now on.")
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="PREFIX",
            show_default=False,
            help="Send these types, and none else; may be repeated.",
        ),
    ] = None,
    all_types: Annotated[bool, typer.Option("--all-types", help="Send all types.")] = False,
    state: Annotated[
        State | None, typer.Option(show_default=False, help="Whether to send any.")
    ] = None,
    description: Description = None,
    etag: Etag = "",
) -> None:
    """Change a webhook. What is not named stays as it is.

    What happens while a webhook is disabled is never sent to it; what waited before is, later.

    \b
    Examples:
      gatehouse webhooks update 01890a5d-ac96-774b-bcce-b302099a8057 --state disabled
      gatehouse webhooks update 01890a5d-ac96-774b-bcce-b302099a8057 --type users.
    """
    if type_ and all_types:
        raise typer.BadParameter("--type and --all-types exclude each other")
    changed = Webhook(
        name=named("webhooks", webhook),
        url=url or "",
        event_types=_prefixes(type_),
        description=description or "",
        etag=etag,
    )
    if state is not None:
        changed.state = Webhook.State.Value(f"STATE_{state.name}")
    given = {
        "url": url is not None,
        "event_types": bool(type_) or all_types,
        "state": state is not None,
        "description": description is not None,
    }
    request = pb.UpdateWebhookRequest(webhook=changed, request_id=str(uuid4()))
    request.update_mask.paths.extend(field for field, is_given in given.items() if is_given)
    if not request.update_mask.paths:
        raise typer.BadParameter("name something to change, such as --url URL")
    answer = client.webhooks.UpdateWebhook(request)
    show_webhook(client, answer)


@app.command()
@against_server
def delete(
    client: Client,
    webhook: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    etag: Etag = "",
) -> None:
    """Delete a webhook, and what it was still to be sent.

    \b
    Examples:
      gatehouse webhooks delete webhooks/01890a5d-ac96-774b-bcce-b302099a8057
    """
    name = named("webhooks", webhook)
    if not yes:
        client.screen.confirm(f"Delete {name} for good?", unless="--yes")
    answer = client.webhooks.DeleteWebhook(
        pb.DeleteWebhookRequest(name=name, etag=etag, request_id=str(uuid4()))
    )
    client.screen.answer(answer, f"Deleted {name}.")


@app.command("rotate-secret")
@against_server
def rotate_secret(client: Client, webhook: Name) -> None:
    """Make a new secret. It alone goes to standard output, this once.

    For a day messages are signed with the old one as well.

    \b
    Examples:
      gatehouse webhooks rotate-secret 01890a5d-ac96-774b-bcce-b302099a8057 > hook.secret
    """
    answer = client.webhooks.RotateSecret(
        pb.RotateSecretRequest(name=named("webhooks", webhook), request_id=str(uuid4()))
    )
    told = "Its new secret is shown this once: keep it. The old one is good for another day."
    show_secret(client, answer, told)


app.command()(ping)
app.command()(deliveries)
app.command()(redeliver)


def _prefixes(given: list[str] | None) -> list[str]:
    return [type_prefix(one) for one in dict.fromkeys(given or ())]
