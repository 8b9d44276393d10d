"""`gatehouse users …`."""

from enum import StrEnum
from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.users.v1 import user_service_pb2 as pb
from gatehouse.users.v1.user_pb2 import User

from service.cli.client import Client, against_server
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.pairs import pairs
from service.cli.passwords import read_password
from service.cli.usage import Commands
from service.cli.user_view import show_user, show_users
from service.cli.who import name_of, named

app = Commands("See and change who can sign in.")


class State(StrEnum):
    """The states to filter by."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    PENDING = "pending"


Who = Annotated[
    str,
    typer.Argument(
        metavar="USER", show_default=False, help="users/{id}, an e-mail address, or me."
    ),
]
Etag = Annotated[
    str, typer.Option(metavar="ETAG", help="Refuse if the user has changed since they had it.")
]
Attributes = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        metavar="KEY=VALUE",
        show_default=False,
        help="A fact about the user; may be repeated.",
    ),
]


@app.command("list")
@against_server
def list_users(
    client: Client,
    state: Annotated[State | None, typer.Option(help="Only users in this state.")] = None,
    email: Annotated[
        str, typer.Option(metavar="EMAIL", help="Only the user with this e-mail address.")
    ] = "",
    group: Annotated[
        str, typer.Option(metavar="GROUP", help="Only users in this group, or in groups in it.")
    ] = "",
    limit: Limit = 50,
    page_token: PageToken = "",
) -> None:
    """List users, oldest first.

    \b
    Examples:
      gatehouse users list --state suspended
      gatehouse users list --group apollo
      gatehouse users list --limit 0 --json
    """
    request = pb.ListUsersRequest(
        email=email, group=named("groups", group) if group else "", page_token=page_token
    )
    if state is not None:
        request.state = User.State.Value(f"STATE_{state.name}")
    found = read_pages(client.users.ListUsers, request, pb.ListUsersResponse(), limit)
    show_users(client, found)


@app.command()
@against_server
def create(
    client: Client,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="What the user signs in with.")],
    display_name: Annotated[
        str, typer.Option(metavar="NAME", help="What people call the user.")
    ] = "",
    attribute: Attributes = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Create a user who cannot sign in yet.")
    ] = False,
) -> None:
    """Create a user; asks for the password.

    \b
    Examples:
      gatehouse users create ada@example.com --display-name "Ada Lovelace"
      gatehouse users create bob@example.com --no-password --attribute team=apollo
    """
    if no_password and password_stdin:
        raise typer.BadParameter("--no-password and --password-stdin exclude each other")
    password = ""
    if not no_password:
        password = read_password(f"New password of {email}", from_stdin=password_stdin, twice=True)
    user = User(email=email, display_name=display_name, attributes=pairs("--attribute", attribute))
    request = pb.CreateUserRequest(user=user, password=password, request_id=str(uuid4()))
    answer = client.users.CreateUser(request)
    show_user(client, answer, answer.user)


@app.command()
@against_server
def show(client: Client, user: Who) -> None:
    """Show a user.

    \b
    Examples:
      gatehouse users show ada@example.com
      gatehouse users show users/me --json
    """
    answer = client.users.GetUser(pb.GetUserRequest(name=name_of(client, user)))
    show_user(client, answer, answer.user)


@app.command()
@against_server
def update(
    client: Client,
    user: Who,
    email: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="What the user signs in with from now on.")
    ] = None,
    display_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What people call the user.")
    ] = None,
    attribute: Attributes = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="An attribute to remove; may be repeated."),
    ] = None,
    etag: Etag = "",
) -> None:
    """Change a user. What is not named stays as it is.

    \b
    Examples:
      gatehouse users update ada@example.com --display-name "Countess Lovelace"
      gatehouse users update ada@example.com --attribute team=apollo --without office
    """
    changed = User(name=name_of(client, user), etag=etag)
    request = pb.UpdateUserRequest(request_id=str(uuid4()))
    if email is not None:
        changed.email = email
        request.update_mask.paths.append("email")
    if display_name is not None:
        changed.display_name = display_name
        request.update_mask.paths.append("display_name")
    if attribute or without:
        # They are replaced as a whole, so only as long as nobody else has changed the user.
        before = client.users.GetUser(pb.GetUserRequest(name=changed.name)).user
        kept = {
            key: value for key, value in before.attributes.items() if key not in (without or ())
        }
        changed.attributes.update(kept | pairs("--attribute", attribute))
        changed.etag = etag or before.etag
        request.update_mask.paths.append("attributes")
    if not request.update_mask.paths:
        raise typer.BadParameter("name something to change, such as --display-name")
    request.user.CopyFrom(changed)
    answer = client.users.UpdateUser(request)
    show_user(client, answer, answer.user)


@app.command()
@against_server
def suspend(client: Client, user: Who, etag: Etag = "") -> None:
    """Suspend a user: end their sessions and refuse them everywhere.

    \b
    Examples:
      gatehouse users suspend ada@example.com
    """
    name = name_of(client, user)
    request = pb.SuspendUserRequest(name=name, etag=etag, request_id=str(uuid4()))
    answer = client.users.SuspendUser(request)
    show_user(client, answer, answer.user)


@app.command()
@against_server
def reactivate(client: Client, user: Who, etag: Etag = "") -> None:
    """Let a suspended user in again; ended sessions stay ended.

    \b
    Examples:
      gatehouse users reactivate ada@example.com
    """
    name = name_of(client, user)
    request = pb.ReactivateUserRequest(name=name, etag=etag, request_id=str(uuid4()))
    answer = client.users.ReactivateUser(request)
    show_user(client, answer, answer.user)


@app.command()
@against_server
def delete(
    client: Client,
    user: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    etag: Etag = "",
) -> None:
    """Delete a user, their sessions and their grants, for good.

    \b
    Examples:
      gatehouse users delete ada@example.com
    """
    name = name_of(client, user)
    if not yes:
        client.screen.confirm(f"Delete {user} for good?", unless="--yes")
    answer = client.users.DeleteUser(
        pb.DeleteUserRequest(name=name, etag=etag, request_id=str(uuid4()))
    )
    client.screen.answer(answer, f"Deleted {name}.")
