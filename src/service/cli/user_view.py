"""Users as the commands show them."""

from gatehouse.users.v1.user_pb2 import User
from gatehouse.users.v1.user_service_pb2 import ListUsersResponse
from google.protobuf.message import Message

from service.cli.client import Client
from service.cli.screen import Column, when

_COLUMNS = [
    Column("NAME"),
    Column("EMAIL", folds=True),
    Column("STATE"),
    Column("DISPLAY NAME", from_width=100, folds=True),
    Column("CREATED", from_width=120),
]


def show_users(client: Client, found: ListUsersResponse) -> None:
    """Prints a list."""
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table(_COLUMNS, map(_row, found.users))
    client.screen.more(found.next_page_token)


def show_user(client: Client, answer: Message, user: User) -> None:
    """Prints the answer, of which people want to see the user."""
    if client.screen.as_json:
        client.screen.json(answer)
        return
    client.screen.facts(
        {
            "name": user.name,
            "email": user.email + ("" if user.email_verified else " (not verified)"),
            "display name": user.display_name,
            "state": _state(user),
            "second factor": "enrolled" if user.mfa_enabled else "none",
            "attributes": ", ".join(f"{k}={v}" for k, v in sorted(user.attributes.items())),
            "created": when(user.create_time),
            "updated": when(user.update_time),
            "etag": user.etag,
        }
    )


def _row(user: User) -> list[str]:
    return [user.name, user.email, _state(user), user.display_name, when(user.create_time)]


def _state(user: User) -> str:
    return User.State.Name(user.state).removeprefix("STATE_").lower()
