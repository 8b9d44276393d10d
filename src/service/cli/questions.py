"""`gatehouse check` and `gatehouse explain`."""

from typing import Annotated

import typer
from gatehouse.access.v1 import access_service_pb2 as pb

from service.cli.client import Client, against_server
from service.cli.freshness import AtLeastAsFresh, FullyConsistent, consistency
from service.cli.people import People
from service.cli.who import subject_of

# Neither that of failures nor of wrong usage: scripts must be able to tell a no from no answer.
_NOT_ALLOWED = 3

Question = Annotated[list[str], typer.Argument(metavar="[SUBJECT] PERMISSION PATH", hidden=True)]


@against_server
def check(
    client: Client,
    question: Question,
    fully_consistent: FullyConsistent = False,
    at_least_as_fresh: AtLeastAsFresh = "",
) -> None:
    """Say whether someone may: exit code 0 if so, 3 if not.

    Any other exit code means that there is no answer. SUBJECT is users/{id}, an e-mail address, me,
    groups/{id}, serviceAccounts/{id} or everyone; without it you ask about yourself.

    \b
    Examples:
      gatehouse check documents.read /projects/apollo
      gatehouse check ada@example.com documents.delete /projects/apollo/documents/42
      gatehouse check serviceAccounts/ci builds.start /projects/apollo --fully-consistent
    """
    who, permission, path = _parts(question)
    answer = client.access.CheckAccess(
        pb.CheckAccessRequest(
            subject=_subject(client, who),
            permission=permission,
            path=path,
            consistency=consistency(fully_consistent, at_least_as_fresh),
        )
    )
    client.screen.answer(answer, "allowed" if answer.allowed else "not allowed")
    if not answer.allowed:
        raise typer.Exit(_NOT_ALLOWED)


@against_server
def explain(
    client: Client,
    question: Question,
    fully_consistent: FullyConsistent = False,
    at_least_as_fresh: AtLeastAsFresh = "",
) -> None:
    """Show why someone may, or what would change that.

    SUBJECT is users/{id}, an e-mail address, me, groups/{id}, serviceAccounts/{id} or everyone;
    without it you ask about yourself.

    \b
    Examples:
      gatehouse explain documents.read /projects/apollo
      gatehouse explain ada@example.com documents.delete /projects/apollo/documents/42
    """
    from service.cli.explanation import tree_of, ways_out

    who, permission, path = _parts(question)
    answer = client.access.ExplainAccess(
        pb.ExplainAccessRequest(
            subject=_subject(client, who),
            permission=permission,
            path=path,
            consistency=consistency(fully_consistent, at_least_as_fresh),
        )
    )
    if client.screen.as_json:
        client.screen.json(answer)
        return
    client.screen.tree(tree_of(answer, f"{permission} on {path} for {who or 'you'}"))
    people = People(client, [answer.smallest_grant.subject])
    client.screen.lines(ways_out(answer, permission, people))


def _parts(question: list[str]) -> tuple[str | None, str, str]:
    match question:
        case [permission, path]:
            return None, permission, path
        case [who, permission, path]:
            return who, permission, path
    raise typer.BadParameter("say [SUBJECT] PERMISSION PATH")


def _subject(client: Client, who: str | None) -> str:
    # An empty word is a script's unset variable, and no question about oneself.
    return "" if who is None else subject_of(client, who)
