"""Users as people name them."""

import typer
from gatehouse.users.v1 import user_service_pb2 as pb

from service.cli.client import Client
from service.cli.failure import Failed


def name_of(client: Client, user: str) -> str:
    """The resource name of who is named by it, or by e-mail."""
    if "@" not in user:
        if "/" not in user:
            raise typer.BadParameter(
                f"{user!r} names nobody: say users/{{id}}, an e-mail address, or users/me"
            )
        return user
    found = client.users.ListUsers(pb.ListUsersRequest(email=user, page_size=1)).users
    if not found:
        raise Failed(f"nobody has the e-mail address {user}: `gatehouse users list` shows all")
    return found[0].name
