"""`gatehouse grants …`."""

from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.access.v1 import access_service_pb2 as pb
from gatehouse.access.v1.grant_pb2 import EFFECT_ALLOW, EFFECT_DENY, Effect, Grant

from service.cli.client import Client, against_server
from service.cli.failure import Failed
from service.cli.freshness import AtLeastAsFresh, FullyConsistent, consistency
from service.cli.moments import Ends, end, ended
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.people import People
from service.cli.screen import Column, when
from service.cli.usage import Commands
from service.cli.who import SUBJECTS, named, subject_of

app = Commands("Give roles on paths, see them, and take them back.")

# What `delete` takes comes first: the name where there is room for it, else the other three.
_COLUMNS = [
    Column("NAME", from_width=140),
    Column("PATH", folds=True),
    Column("ROLE"),
    Column("SUBJECT", folds=True),
    Column("EFFECT"),
    Column("EXPIRES", from_width=100),
    Column("CREATED", from_width=160),
]


@app.command("list")
@against_server
def list_grants(
    client: Client,
    path: Annotated[str, typer.Option(metavar="PATH", help="Only grants on this path.")] = "",
    subject: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help=f"Only grants to this one: {SUBJECTS}.")
    ] = None,
    role: Annotated[str, typer.Option(metavar="ROLE", help="Only grants of this role.")] = "",
    inherited: Annotated[
        bool,
        typer.Option(
            "--inherited", help="Also of the paths above, of the subject's groups and everyone's."
        ),
    ] = False,
    fully_consistent: FullyConsistent = False,
    at_least_as_fresh: AtLeastAsFresh = "",
    limit: Limit = 50,
    page_token: PageToken = "",
) -> None:
    """List grants, oldest first.

    \b
    Examples:
      gatehouse grants list --path /projects/apollo --inherited
      gatehouse grants list --subject ada@example.com
    """
    request = pb.ListGrantsRequest(
        path=path,
        subject="" if subject is None else subject_of(client, subject),
        role=named("roles", role) if role else "",
        include_inherited=inherited,
        consistency=consistency(fully_consistent, at_least_as_fresh),
        page_token=page_token,
    )
    found = read_pages(client.access.ListGrants, request, pb.ListGrantsResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    people = People(client, (it.subject for it in found.grants))
    client.screen.table(_COLUMNS, (_row(it, people) for it in found.grants))
    client.screen.more(found.next_page_token)


@app.command()
@against_server
def create(
    client: Client,
    path: Annotated[str, typer.Argument(metavar="PATH", help="Where, such as /projects/apollo.")],
    role: Annotated[str, typer.Argument(metavar="ROLE", help="What: roles/{id}, or the id alone.")],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help=f"Whom: {SUBJECTS}.")],
    deny: Annotated[
        bool, typer.Option("--deny", help="Take away instead, whatever else allows it.")
    ] = False,
    expires: Ends = None,
) -> None:
    """Give a role to someone, on a path and everything below it.

    \b
    Examples:
      gatehouse grants create /projects/apollo editor groups/apollo
      gatehouse grants create /projects/apollo/payroll editor bob@example.com --deny
      gatehouse grants create / admin ada@example.com --expires 2h
    """
    answer = client.access.CreateGrant(
        pb.CreateGrantRequest(
            path=path,
            role=named("roles", role),
            subject=subject_of(client, subject),
            effect=EFFECT_DENY if deny else EFFECT_ALLOW,
            expire_time=expires,
            request_id=str(uuid4()),
        )
    )
    show_grant(client, answer)


@app.command()
@against_server
def delete(
    client: Client,
    grant: Annotated[list[str], typer.Argument(metavar="GRANT | PATH ROLE SUBJECT", hidden=True)],
) -> None:
    """Take a grant back: grants/{id}, or what was said to create it.

    \b
    Examples:
      gatehouse grants delete /projects/apollo editor groups/apollo
      gatehouse grants delete grants/01890a5d-ac96-774b-bcce-b302099a8057
    """
    match grant:
        case [one]:
            name = named("grants", one)
        case [path, role, subject]:
            name = _find(client, path, named("roles", role), subject_of(client, subject))
        case _:
            raise typer.BadParameter("say either GRANT or PATH ROLE SUBJECT")
    answer = client.access.DeleteGrant(pb.DeleteGrantRequest(name=name, request_id=str(uuid4())))
    client.screen.answer(answer, f"Deleted {name}.")


def show_grant(client: Client, answer: pb.CreateGrantResponse) -> None:
    """Prints what was given."""
    if client.screen.as_json:
        client.screen.json(answer)
        return
    grant = answer.grant
    client.screen.facts(
        {
            "name": grant.name,
            "path": grant.path,
            "role": grant.role,
            "subject": People(client, [grant.subject]).both(grant.subject),
            "effect": _effect(grant),
            "expires": end(grant),
        }
    )


def _find(client: Client, path: str, role: str, subject: str) -> str:
    request = pb.ListGrantsRequest(path=path, role=role, subject=subject)
    found = client.access.ListGrants(request).grants
    if not found:
        raise Failed(
            f"there is no grant of {role} to {subject} on {path}: `gatehouse grants list` shows all"
        )
    if len(found) > 1:
        several = ", ".join(f"{it.name} ({_effect(it)}, ends {end(it)})" for it in found)
        raise Failed(f"there are {len(found)} such grants, name the one: {several}")
    return found[0].name


def _row(grant: Grant, people: People) -> list[str]:
    return [
        grant.name,
        grant.path,
        grant.role,
        people.short(grant.subject),
        "expired" if ended(grant) else _effect(grant),
        end(grant),
        when(grant.create_time),
    ]


def _effect(grant: Grant) -> str:
    return Effect.Name(grant.effect).removeprefix("EFFECT_").lower()
