"""`gatehouse access …`."""

from collections.abc import Iterable
from typing import Annotated

import typer
from gatehouse.access.v1 import access_service_pb2 as pb

from service.cli.client import Client, against_server
from service.cli.freshness import AtLeastAsFresh, FullyConsistent, consistency
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.people import People
from service.cli.screen import Column
from service.cli.usage import Commands
from service.cli.who import subject_of

app = Commands("List who may do something, and where someone may.")

_WHO = [Column("SUBJECT"), Column("EMAIL", folds=True), Column("ACCESS")]
_WHERE = [Column("PATH", folds=True), Column("ACCESS")]
_ALLOWED, _DENIED = "allowed", "denied"


@app.command()
@against_server
def who(
    client: Client,
    permission: Annotated[
        str, typer.Argument(metavar="PERMISSION", help="To do what, such as documents.read.")
    ],
    path: Annotated[str, typer.Argument(metavar="PATH", help="Where, such as /projects/apollo.")],
    expand_groups: Annotated[
        bool, typer.Option("--expand-groups", help="Who is in the groups, instead of the groups.")
    ] = False,
    fully_consistent: FullyConsistent = False,
    at_least_as_fresh: AtLeastAsFresh = "",
    limit: Limit = 50,
    page_token: PageToken = "",
) -> None:
    """List who may, and whom of those it is denied.

    \b
    Examples:
      gatehouse access who documents.delete /projects/apollo
      gatehouse access who users.suspend / --expand-groups --limit 0
    """
    request = pb.ListSubjectsRequest(
        permission=permission,
        path=path,
        expand_groups=expand_groups,
        consistency=consistency(fully_consistent, at_least_as_fresh),
        page_token=page_token,
    )
    found = read_pages(client.access.ListSubjects, request, pb.ListSubjectsResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    subjects = _told(found.subjects, found.denied_subjects)
    people = People(client, subjects)
    client.screen.table(_WHO, ([it, people.email(it), said] for it, said in subjects.items()))
    client.screen.more(found.next_page_token)


@app.command()
@against_server
def where(
    client: Client,
    question: Annotated[list[str], typer.Argument(metavar="[SUBJECT] PERMISSION", hidden=True)],
    under: Annotated[str, typer.Option(metavar="PATH", help="Only on this path and below.")] = "",
    fully_consistent: FullyConsistent = False,
    at_least_as_fresh: AtLeastAsFresh = "",
    limit: Limit = 50,
    page_token: PageToken = "",
) -> None:
    """List the paths on and below which someone may, less those where it is denied.

    SUBJECT is users/{id}, an e-mail address, me, groups/{id}, serviceAccounts/{id} or everyone;
    without it you ask about yourself.

    \b
    Examples:
      gatehouse access where documents.read
      gatehouse access where ada@example.com documents.read --under /projects
    """
    match question:
        case [permission]:
            subject = ""
        case [given, permission]:
            subject = subject_of(client, given)
        case _:
            raise typer.BadParameter("say [SUBJECT] PERMISSION")
    request = pb.ListAccessRequest(
        subject=subject,
        permission=permission,
        under=under,
        consistency=consistency(fully_consistent, at_least_as_fresh),
        page_token=page_token,
    )
    found = read_pages(client.access.ListAccess, request, pb.ListAccessResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table(_WHERE, _told(found.paths, found.denied_paths).items())
    client.screen.more(found.next_page_token)


def _told(allowed: Iterable[str], denied: Iterable[str]) -> dict[str, str]:
    """Both lists in the one order that the server has them in."""
    both = dict.fromkeys(allowed, _ALLOWED) | dict.fromkeys(denied, _DENIED)
    return dict(sorted(both.items()))
