"""`gatehouse groups …`."""

from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.groups.v1 import group_service_pb2 as pb
from gatehouse.groups.v1.group_pb2 import Group
from google.protobuf.message import Message

from service.cli.client import Client, against_server
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.people import People
from service.cli.screen import Column, when
from service.cli.usage import Commands
from service.cli.who import SUBJECTS, named, subject_of

app = Commands("See and change groups and who is in them.")

_COLUMNS = [
    Column("NAME"),
    Column("DISPLAY NAME", folds=True),
    Column("DESCRIPTION", from_width=100, folds=True),
    Column("CREATED", from_width=120),
]
_MEMBERS = [Column("MEMBER"), Column("EMAIL", folds=True)]

GroupName = Annotated[
    str,
    typer.Argument(metavar="GROUP", show_default=False, help="groups/{id}, or the id alone."),
]
Member = Annotated[str, typer.Argument(metavar="SUBJECT", show_default=False, help=f"{SUBJECTS}.")]
Etag = Annotated[
    str, typer.Option(metavar="ETAG", help="Refuse if the group has changed since it had it.")
]


@app.command("list")
@against_server
def list_groups(client: Client, limit: Limit = 50, page_token: PageToken = "") -> None:
    """List groups by name.

    \b
    Examples:
      gatehouse groups list
      gatehouse groups list --limit 0 --json
    """
    request = pb.ListGroupsRequest(page_token=page_token)
    found = read_pages(client.groups.ListGroups, request, pb.ListGroupsResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table(
        _COLUMNS,
        ([it.name, it.display_name, it.description, when(it.create_time)] for it in found.groups),
    )
    client.screen.more(found.next_page_token)


@app.command()
@against_server
def create(
    client: Client,
    group: Annotated[
        str,
        typer.Argument(
            metavar="GROUP",
            show_default=False,
            help="groups/{id}, or the id alone; without it the service makes one up.",
        ),
    ] = "",
    display_name: Annotated[
        str, typer.Option(metavar="NAME", help="What people call the group.")
    ] = "",
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
) -> None:
    """Create a group with nobody in it.

    \b
    Examples:
      gatehouse groups create apollo --display-name "The Apollo team"
      gatehouse groups create groups/on-call --description "Whoever carries the pager"
    """
    name = named("groups", group) if group else ""
    made = Group(name=name, display_name=display_name, description=description)
    answer = client.groups.CreateGroup(pb.CreateGroupRequest(group=made, request_id=str(uuid4())))
    _show(client, answer, answer.group)


@app.command()
@against_server
def show(client: Client, group: GroupName) -> None:
    """Show a group.

    \b
    Examples:
      gatehouse groups show apollo
    """
    answer = client.groups.GetGroup(pb.GetGroupRequest(name=named("groups", group)))
    _show(client, answer, answer.group)


@app.command()
@against_server
def update(
    client: Client,
    group: GroupName,
    display_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What people call the group.")
    ] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    etag: Etag = "",
) -> None:
    """Change what a group is called. What is not named stays as it is.

    \b
    Examples:
      gatehouse groups update apollo --description "Builds the lander"
    """
    request = pb.UpdateGroupRequest(
        group=Group(
            name=named("groups", group),
            display_name=display_name or "",
            description=description or "",
            etag=etag,
        ),
        request_id=str(uuid4()),
    )
    given = {"display_name": display_name, "description": description}
    request.update_mask.paths.extend(it for it, value in given.items() if value is not None)
    if not request.update_mask.paths:
        raise typer.BadParameter("name something to change, such as --display-name")
    answer = client.groups.UpdateGroup(request)
    _show(client, answer, answer.group)


@app.command()
@against_server
def delete(
    client: Client,
    group: GroupName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    etag: Etag = "",
) -> None:
    """Delete a group, its memberships and its grants, for good.

    \b
    Examples:
      gatehouse groups delete apollo
    """
    name = named("groups", group)
    if not yes:
        client.screen.confirm(f"Delete {name} for good?", unless="--yes")
    answer = client.groups.DeleteGroup(
        pb.DeleteGroupRequest(name=name, etag=etag, request_id=str(uuid4()))
    )
    client.screen.answer(answer, f"Deleted {name}.")


@app.command()
@against_server
def add(client: Client, group: GroupName, member: Member) -> None:
    """Put someone into a group, or another group. Twice is no error.

    \b
    Examples:
      gatehouse groups add apollo ada@example.com
      gatehouse groups add apollo serviceAccounts/ci
      gatehouse groups add staff groups/apollo
    """
    name, subject = named("groups", group), subject_of(client, member)
    answer = client.groups.AddMember(
        pb.AddMemberRequest(group=name, member=subject, request_id=str(uuid4()))
    )
    client.screen.answer(answer, f"{member} is in {name}.")


@app.command()
@against_server
def remove(client: Client, group: GroupName, member: Member) -> None:
    """Take someone out of a group. Who is not in it is no error.

    \b
    Examples:
      gatehouse groups remove apollo ada@example.com
    """
    name, subject = named("groups", group), subject_of(client, member)
    answer = client.groups.RemoveMember(
        pb.RemoveMemberRequest(group=name, member=subject, request_id=str(uuid4()))
    )
    client.screen.answer(answer, f"{member} is not in {name}.")


@app.command()
@against_server
def members(
    client: Client, group: GroupName, limit: Limit = 50, page_token: PageToken = ""
) -> None:
    """List who was put into a group. `users list --group` sees into the groups in it as well.

    \b
    Examples:
      gatehouse groups members apollo
      gatehouse groups members apollo --limit 0 --json
    """
    request = pb.ListMembersRequest(group=named("groups", group), page_token=page_token)
    found = read_pages(client.groups.ListMembers, request, pb.ListMembersResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    people = People(client, found.members)
    client.screen.table(_MEMBERS, ([it, people.email(it)] for it in found.members))
    client.screen.more(found.next_page_token)


@app.command("of")
@against_server
def memberships(
    client: Client,
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="SUBJECT", show_default=False, help=f"{SUBJECTS}. Default: yourself."
        ),
    ] = None,
    transitive: Annotated[
        bool, typer.Option("--transitive", help="Also the groups that those are in, and so on.")
    ] = False,
    limit: Limit = 50,
    page_token: PageToken = "",
) -> None:
    """List the groups that someone is in.

    \b
    Examples:
      gatehouse groups of
      gatehouse groups of ada@example.com --transitive
    """
    request = pb.ListMembershipsRequest(
        subject="" if subject is None else subject_of(client, subject),
        transitive=transitive,
        page_token=page_token,
    )
    found = read_pages(client.groups.ListMemberships, request, pb.ListMembershipsResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table([Column("GROUP")], ([it] for it in found.memberships))
    client.screen.more(found.next_page_token)


def _show(client: Client, answer: Message, group: Group) -> None:
    if client.screen.as_json:
        client.screen.json(answer)
        return
    client.screen.facts(
        {
            "name": group.name,
            "display name": group.display_name,
            "description": group.description,
            "created": when(group.create_time),
            "updated": when(group.update_time),
            "etag": group.etag,
        }
    )
