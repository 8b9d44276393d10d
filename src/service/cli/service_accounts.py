"""`gatehouse service-accounts …`."""

from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.serviceaccounts.v1 import service_account_service_pb2 as pb
from gatehouse.serviceaccounts.v1.service_account_pb2 import ServiceAccount
from google.protobuf.message import Message

from service.cli.client import Client, against_server
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.screen import Column, when
from service.cli.usage import Commands
from service.cli.who import named

app = Commands("See and change the services that sign in.")

_COLUMNS = [
    Column("NAME"),
    Column("STATE"),
    Column("DISPLAY NAME", folds=True),
    Column("DESCRIPTION", from_width=100, folds=True),
    Column("CREATED", from_width=120),
]

Account = Annotated[
    str,
    typer.Argument(
        metavar="ACCOUNT", show_default=False, help="serviceAccounts/{id}, or the id alone."
    ),
]
Etag = Annotated[
    str, typer.Option(metavar="ETAG", help="Refuse if the account has changed since it had it.")
]


@app.command("list")
@against_server
def list_service_accounts(client: Client, limit: Limit = 50, page_token: PageToken = "") -> None:
    """List service accounts by name.

    \b
    Examples:
      gatehouse service-accounts list
      gatehouse service-accounts list --limit 0 --json
    """
    request = pb.ListServiceAccountsRequest(page_token=page_token)
    found = read_pages(
        client.service_accounts.ListServiceAccounts,
        request,
        pb.ListServiceAccountsResponse(),
        limit,
    )
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table(
        _COLUMNS,
        (
            [it.name, _state(it), it.display_name, it.description, when(it.create_time)]
            for it in found.service_accounts
        ),
    )
    client.screen.more(found.next_page_token)


@app.command()
@against_server
def create(
    client: Client,
    account: Annotated[
        str,
        typer.Argument(
            metavar="ACCOUNT",
            show_default=False,
            help="serviceAccounts/{id}, or the id alone; without it the service makes one up.",
        ),
    ] = "",
    display_name: Annotated[
        str, typer.Option(metavar="NAME", help="What people call the service.")
    ] = "",
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
) -> None:
    """Create a service account, without keys: `gatehouse keys create` makes one.

    \b
    Examples:
      gatehouse service-accounts create ci --display-name "The build"
    """
    made = ServiceAccount(
        name=named("serviceAccounts", account) if account else "",
        display_name=display_name,
        description=description,
    )
    answer = client.service_accounts.CreateServiceAccount(
        pb.CreateServiceAccountRequest(service_account=made, request_id=str(uuid4()))
    )
    _show(client, answer, answer.service_account)


@app.command()
@against_server
def show(client: Client, account: Account) -> None:
    """Show a service account.

    \b
    Examples:
      gatehouse service-accounts show ci
    """
    answer = client.service_accounts.GetServiceAccount(
        pb.GetServiceAccountRequest(name=named("serviceAccounts", account))
    )
    _show(client, answer, answer.service_account)


@app.command()
@against_server
def update(
    client: Client,
    account: Account,
    display_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What people call the service.")
    ] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    etag: Etag = "",
) -> None:
    """Change what a service account is called. What is not named stays as it is.

    \b
    Examples:
      gatehouse service-accounts update ci --description "Builds and deploys"
    """
    changed = ServiceAccount(
        display_name=display_name or "", description=description or "", etag=etag
    )
    given = {"display_name": display_name, "description": description}
    fields = [it for it, value in given.items() if value is not None]
    if not fields:
        raise typer.BadParameter("name something to change, such as --display-name")
    _update(client, account, changed, fields)


@app.command()
@against_server
def suspend(client: Client, account: Account, etag: Etag = "") -> None:
    """Suspend a service account: end its sessions and refuse it everywhere, its keys too.

    \b
    Examples:
      gatehouse service-accounts suspend ci
    """
    changed = ServiceAccount(state=ServiceAccount.STATE_SUSPENDED, etag=etag)
    _update(client, account, changed, ["state"])


@app.command()
@against_server
def reactivate(client: Client, account: Account, etag: Etag = "") -> None:
    """Let a suspended service account in again, with the keys it has.

    \b
    Examples:
      gatehouse service-accounts reactivate ci
    """
    changed = ServiceAccount(state=ServiceAccount.STATE_ACTIVE, etag=etag)
    _update(client, account, changed, ["state"])


@app.command()
@against_server
def delete(
    client: Client,
    account: Account,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    etag: Etag = "",
) -> None:
    """Delete a service account, its keys, sessions, memberships and grants, for good.

    \b
    Examples:
      gatehouse service-accounts delete ci
    """
    name = named("serviceAccounts", account)
    if not yes:
        client.screen.confirm(f"Delete {name} for good?", unless="--yes")
    answer = client.service_accounts.DeleteServiceAccount(
        pb.DeleteServiceAccountRequest(name=name, etag=etag, request_id=str(uuid4()))
    )
    client.screen.answer(answer, f"Deleted {name}.")


def _update(client: Client, account: str, changed: ServiceAccount, fields: list[str]) -> None:
    changed.name = named("serviceAccounts", account)
    request = pb.UpdateServiceAccountRequest(service_account=changed, request_id=str(uuid4()))
    request.update_mask.paths.extend(fields)
    answer = client.service_accounts.UpdateServiceAccount(request)
    _show(client, answer, answer.service_account)


def _show(client: Client, answer: Message, account: ServiceAccount) -> None:
    if client.screen.as_json:
        client.screen.json(answer)
        return
    client.screen.facts(
        {
            "name": account.name,
            "display name": account.display_name,
            "description": account.description,
            "state": _state(account),
            "created": when(account.create_time),
            "updated": when(account.update_time),
            "etag": account.etag,
        }
    )


def _state(account: ServiceAccount) -> str:
    return ServiceAccount.State.Name(account.state).removeprefix("STATE_").lower()
