"""Users, other subjects and resources as people name them."""

import typer
from gatehouse.users.v1 import user_service_pb2 as pb

from service.cli.client import Client
from service.cli.failure import Failed

SUBJECTS = "users/{id}, an e-mail address, me, groups/{id}, serviceAccounts/{id} or everyone"


def name_of(client: Client, user: str) -> str:
    """The resource name of the user who is named by it, by e-mail or as `me`."""
    return _name(client, user, "users/{id}, an e-mail address, or me")


def subject_of(client: Client, subject: str) -> str:
    """The name of a subject: `everyone`, one that is named by it, or a user as in `name_of`."""
    return subject if subject == "everyone" else _name(client, subject, SUBJECTS)


def named(collection: str, resource: str) -> str:
    """The resource name of what may be named by its id alone where only one kind of thing fits."""
    return resource if "/" in resource else f"{collection}/{resource}"


def _name(client: Client, given: str, takes: str) -> str:
    if given == "me":
        return "users/me"
    if "@" not in given:
        if "/" not in given:
            raise typer.BadParameter(f"{given!r} names nobody: say {takes}")
        return given
    found = client.users.ListUsers(pb.ListUsersRequest(email=given, page_size=1)).users
    if not found:
        raise Failed(f"nobody has the e-mail address {given}: `gatehouse users list` shows all")
    return found[0].name
