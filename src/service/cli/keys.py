"""`gatehouse keys …`."""

from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.serviceaccounts.v1 import service_account_service_pb2 as pb
from gatehouse.serviceaccounts.v1.api_key_pb2 import ApiKey
from google.protobuf.timestamp_pb2 import Timestamp

from service.cli.client import Client, against_server
from service.cli.moments import TAKES, end, ended, moment
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.screen import Column, when
from service.cli.service_accounts import Account
from service.cli.usage import Commands
from service.cli.who import named

app = Commands("Make, see and revoke the API keys of service accounts.")

_COLUMNS = [
    Column("NAME"),
    Column("STATE"),
    Column("LAST USED", from_width=100),
    Column("BEGINS", from_width=180),
    Column("SCOPES", from_width=140, folds=True),
    Column("CREATED", from_width=180),
    Column("EXPIRES", from_width=120),
]


@app.command()
@against_server
def create(
    client: Client,
    account: Account,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCOPE",
            show_default=False,
            help="What its tokens may be used for: <domain>:read, <domain>:write or '*'; may be"
            " repeated. Default: what yours may.",
        ),
    ] = None,
    expires: Annotated[
        Timestamp | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            show_default=False,
            help=f"When it stops working: {TAKES}. Default: never.",
        ),
    ] = None,
) -> None:
    """Make an API key. Its secret alone goes to standard output, this once.

    \b
    Examples:
      gatehouse keys create ci --scope access:read --expires 90d > ci.key
      gatehouse login --api-key-stdin < ci.key
    """
    answer = client.service_accounts.CreateApiKey(
        pb.CreateApiKeyRequest(
            service_account=named("serviceAccounts", account),
            scopes=scope,
            expire_time=expires,
            request_id=str(uuid4()),
        )
    )
    key = answer.api_key
    client.screen.answer(answer, answer.secret)
    client.screen.note(
        f"{key.name}, for {' '.join(key.scopes)}, {_expires(key)}. Its secret is shown this once:"
        " keep it."
    )


@app.command("list")
@against_server
def list_keys(
    client: Client, account: Account, limit: Limit = 50, page_token: PageToken = ""
) -> None:
    """List the keys of a service account, newest first, revoked and expired ones too.

    \b
    Examples:
      gatehouse keys list ci
      gatehouse keys list serviceAccounts/ci --json
    """
    request = pb.ListApiKeysRequest(
        service_account=named("serviceAccounts", account), page_token=page_token
    )
    found = read_pages(
        client.service_accounts.ListApiKeys, request, pb.ListApiKeysResponse(), limit
    )
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table(_COLUMNS, map(_row, found.api_keys))
    client.screen.more(found.next_page_token)


@app.command()
@against_server
def revoke(
    client: Client,
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY", show_default=False, help="serviceAccounts/{id}/apiKeys/{id}."
        ),
    ],
) -> None:
    """Revoke a key. Tokens got with it are refused from the next call on.

    \b
    Examples:
      gatehouse keys revoke serviceAccounts/ci/apiKeys/01890a5d-ac96-774b-bcce-b302099a8057
    """
    answer = client.service_accounts.RevokeApiKey(
        pb.RevokeApiKeyRequest(name=key, request_id=str(uuid4()))
    )
    client.screen.answer(answer, f"Revoked {key}.")


def _row(key: ApiKey) -> list[str]:
    return [
        key.name,
        _state(key),
        when(key.last_used_time) if key.HasField("last_used_time") else "never",
        key.prefix,
        " ".join(key.scopes),
        when(key.create_time),
        end(key),
    ]


def _expires(key: ApiKey) -> str:
    return f"expires {end(key)}" if key.HasField("expire_time") else "never expires"


def _state(key: ApiKey) -> str:
    if key.HasField("revoke_time"):
        return "revoked"
    return "expired" if ended(key) else "active"
