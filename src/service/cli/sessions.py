"""`gatehouse sessions …`."""

from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.sessions.v1 import session_service_pb2 as pb
from gatehouse.sessions.v1.session_pb2 import Session

from service.cli.client import Client, against_server
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.screen import Column, when
from service.cli.usage import Commands
from service.cli.who import name_of

app = Commands("See and end sessions: yours, or those of others.")

_COLUMNS = [
    Column("NAME"),
    Column("DEVICE", folds=True),
    Column("LAST SEEN", from_width=80),
    Column("SIGNED IN", from_width=120),
    Column("FROM", from_width=140),
    Column("ENDS", from_width=160),
]


@app.command("list")
@against_server
def list_sessions(
    client: Client,
    user: Annotated[
        str,
        typer.Option(
            metavar="USER", help="Whose: users/{id}, an e-mail address or serviceAccounts/{id}."
        ),
    ] = "users/me",
    limit: Limit = 50,
    page_token: PageToken = "",
) -> None:
    """List living sessions, newest first. The one of this command is marked.

    \b
    Examples:
      gatehouse sessions list
      gatehouse sessions list --user ada@example.com --json
    """
    request = pb.ListSessionsRequest(subject=name_of(client, user), page_token=page_token)
    found = read_pages(client.sessions.ListSessions, request, pb.ListSessionsResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    here = client.session
    client.screen.table(_COLUMNS, (_row(one, here) for one in found.sessions))
    client.screen.more(found.next_page_token)


@app.command()
@against_server
def revoke(
    client: Client,
    session: Annotated[
        str | None, typer.Argument(metavar="SESSION", help="sessions/{id}.", show_default=False)
    ] = None,
    all_of: Annotated[
        str | None,
        typer.Option(metavar="USER", help="End all of a user's instead; me for yours."),
    ] = None,
) -> None:
    """End a session, or all of a user's. Their tokens are refused from the next call on.

    \b
    Examples:
      gatehouse sessions revoke sessions/01890a5d-ac96-774b-bcce-b302099a8057
      gatehouse sessions revoke --all-of ada@example.com
    """
    if (session is None) == (all_of is None):
        raise typer.BadParameter("name either a SESSION or --all-of USER")
    if session is not None:
        one = client.sessions.RevokeSession(
            pb.RevokeSessionRequest(name=session, request_id=str(uuid4()))
        )
        client.screen.answer(one, f"Ended {session}.")
    if all_of is not None:
        name = name_of(client, all_of)
        several = client.sessions.RevokeAllSessions(
            pb.RevokeAllSessionsRequest(subject=name, request_id=str(uuid4()))
        )
        client.screen.answer(several, f"Ended {several.revoked_count} sessions of {name}.")


def _row(session: Session, here: str) -> list[str]:
    return [
        session.name,
        session.device + (" (this one)" if session.name == here else ""),
        when(session.last_seen_time),
        when(session.create_time),
        session.peer_address,
        when(session.expire_time),
    ]
