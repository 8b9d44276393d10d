"""`gatehouse roles …`."""

from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.roles.v1 import role_service_pb2 as pb
from gatehouse.roles.v1.role_pb2 import Role
from google.protobuf.message import Message

from service.cli.client import Client, against_server
from service.cli.failure import Failed
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.screen import Column, when
from service.cli.usage import Commands
from service.cli.who import named

app = Commands("See and change roles: named sets of permissions.")

_COLUMNS = [
    Column("NAME"),
    Column("TITLE", from_width=100, folds=True),
    Column("PERMISSIONS", folds=True),
    Column("BUILT IN", from_width=120),
]
_PATTERNS = "<type>.<verb>, '<type>.*' or '*'"

RoleName = Annotated[
    str, typer.Argument(metavar="ROLE", show_default=False, help="roles/{id}, or the id alone.")
]
Etag = Annotated[
    str, typer.Option(metavar="ETAG", help="Refuse if the role has changed since it had it.")
]


@app.command("list")
@against_server
def list_roles(client: Client, limit: Limit = 50, page_token: PageToken = "") -> None:
    """List roles by name.

    \b
    Examples:
      gatehouse roles list
      gatehouse roles list --limit 0 --json
    """
    request = pb.ListRolesRequest(page_token=page_token)
    found = read_pages(client.roles.ListRoles, request, pb.ListRolesResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table(
        _COLUMNS,
        (
            [it.name, it.title, " ".join(it.permissions), "yes" if it.built_in else ""]
            for it in found.roles
        ),
    )
    client.screen.more(found.next_page_token)


@app.command()
@against_server
def create(
    client: Client,
    role: RoleName,
    permission: Annotated[
        list[str],
        typer.Argument(
            metavar="PERMISSION", show_default=False, help=f"What it allows: {_PATTERNS}."
        ),
    ],
    title: Annotated[str, typer.Option(metavar="NAME", help="What people call the role.")] = "",
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
) -> None:
    """Create a role.

    \b
    Examples:
      gatehouse roles create reader documents.read documents.list
      gatehouse roles create editor 'documents.*' --title Editor
    """
    made = Role(
        name=named("roles", role), title=title, description=description, permissions=permission
    )
    answer = client.roles.CreateRole(pb.CreateRoleRequest(role=made, request_id=str(uuid4())))
    _show(client, answer, answer.role)


@app.command()
@against_server
def show(client: Client, role: RoleName) -> None:
    """Show a role.

    \b
    Examples:
      gatehouse roles show editor
      gatehouse roles show roles/owner --json
    """
    answer = client.roles.GetRole(pb.GetRoleRequest(name=named("roles", role)))
    _show(client, answer, answer.role)


@app.command()
@against_server
def update(
    client: Client,
    role: RoleName,
    add: Annotated[
        list[str] | None,
        typer.Option(metavar="PERMISSION", help=f"Allow this too: {_PATTERNS}; may be repeated."),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(metavar="PERMISSION", help="Allow this no more; may be repeated."),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="NAME", help="What people call the role.")
    ] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    etag: Etag = "",
) -> None:
    """Change a role, and with it what all its grants allow. What is not named stays as it is.

    \b
    Examples:
      gatehouse roles update editor --add comments.write --remove documents.delete
      gatehouse roles update editor --title "Editor of documents"
    """
    changed = Role(name=named("roles", role), etag=etag)
    request = pb.UpdateRoleRequest(request_id=str(uuid4()))
    if title is not None:
        changed.title = title
        request.update_mask.paths.append("title")
    if description is not None:
        changed.description = description
        request.update_mask.paths.append("description")
    if add or remove:
        # They are replaced as a whole, so only as long as nobody else has changed the role.
        before = client.roles.GetRole(pb.GetRoleRequest(name=changed.name)).role
        changed.permissions.extend(_changed(before, add or [], remove or []))
        changed.etag = etag or before.etag
        request.update_mask.paths.append("permissions")
    if not request.update_mask.paths:
        raise typer.BadParameter("name something to change, such as --add PERMISSION")
    request.role.CopyFrom(changed)
    answer = client.roles.UpdateRole(request)
    _show(client, answer, answer.role)


@app.command()
@against_server
def delete(
    client: Client,
    role: RoleName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    etag: Etag = "",
) -> None:
    """Delete a role of which there are no grants.

    \b
    Examples:
      gatehouse roles delete editor
    """
    name = named("roles", role)
    if not yes:
        client.screen.confirm(f"Delete {name} for good?", unless="--yes")
    answer = client.roles.DeleteRole(
        pb.DeleteRoleRequest(name=name, etag=etag, request_id=str(uuid4()))
    )
    client.screen.answer(answer, f"Deleted {name}.")


def _changed(role: Role, add: list[str], remove: list[str]) -> list[str]:
    """Raises Failed for what cannot be removed: nobody shall think that it is allowed no more."""
    for one in remove:
        if one not in role.permissions:
            raise Failed(
                f"{one} is not among the permissions of {role.name}: {' '.join(role.permissions)}"
            )
    kept = [one for one in role.permissions if one not in remove]
    return kept + [one for one in dict.fromkeys(add) if one not in kept]


def _show(client: Client, answer: Message, role: Role) -> None:
    if client.screen.as_json:
        client.screen.json(answer)
        return
    client.screen.facts(
        {
            "name": role.name,
            "title": role.title,
            "description": role.description,
            "permissions": " ".join(role.permissions),
            "built in": "yes" if role.built_in else "no",
            "created": when(role.create_time),
            "updated": when(role.update_time),
            "etag": role.etag,
        }
    )
