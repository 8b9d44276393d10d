"""`gatehouse events …`."""

from functools import lru_cache
from itertools import chain, repeat
from time import monotonic
from typing import Annotated

import grpc
import typer
from gatehouse.events.v1 import event_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from gatehouse_client import Refusal
from gatehouse_client.events import follow
from service.cli.client import Client, against_server
from service.cli.event_view import COLUMNS, line, named_in, row, type_prefix
from service.cli.failure import Failed
from service.cli.moments import PAST_TAKES, past
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.people import People
from service.cli.usage import Commands
from service.cli.who import SUBJECTS, subject_of

app = Commands("See what has happened, and watch what does.")

# How many people a watch knows the addresses of.
_KNOWN = 1000
# Seconds without an event after which a program is given a cursor alone: that of a rare event may
# be older than the events that are kept.
_SILENCE = 60.0

Type = Annotated[
    str,
    typer.Option(
        "--type",
        metavar="PREFIX",
        show_default=False,
        help="Only types that begin so, such as users. or groups.member_added.",
    ),
]
Subject = Annotated[
    str | None,
    typer.Option(
        metavar="SUBJECT", help="Only what happened to this one: a name, an e-mail address or me."
    ),
]
Actor = Annotated[
    str | None, typer.Option(metavar="SUBJECT", help=f"Only what this one did: {SUBJECTS}.")
]
Cursor = Annotated[
    str,
    typer.Option(
        metavar="CURSOR",
        show_default=False,
        help="Begin after the line of --json that had it. Default: now.",
    ),
]


@app.command("list")
@against_server
def list_events(
    client: Client,
    type_: Type = "",
    subject: Subject = None,
    actor: Actor = None,
    since: Annotated[
        Timestamp | None,
        typer.Option(
            parser=past, metavar="TIME", show_default=False, help=f"From when on: {PAST_TAKES}."
        ),
    ] = None,
    until: Annotated[
        Timestamp | None,
        typer.Option(parser=past, metavar="TIME", show_default=False, help="Up to before when."),
    ] = None,
    limit: Limit = 50,
    page_token: PageToken = "",
) -> None:
    """List what has happened, newest first.

    \b
    Examples:
      gatehouse events list --since 2h
      gatehouse events list --type auth.sign_in_refused --subject ada@example.com
      gatehouse events list --actor me --since 2026-12-01 --limit 0 --json
    """
    request = pb.ListEventsRequest(
        type_prefix=type_prefix(type_),
        subject=_subject(client, subject),
        actor="" if actor is None else subject_of(client, actor),
        start_time=since,
        end_time=until,
        page_token=page_token,
    )
    found = read_pages(client.events.ListEvents, request, pb.ListEventsResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    people = People(client, (name for event in found.events for name in named_in(event)))
    client.screen.table(COLUMNS, (row(event, people.short) for event in found.events))
    client.screen.more(found.next_page_token)


@app.command()
@against_server
def watch(
    client: Client,
    type_: Type = "",
    subject: Subject = None,
    actor: Actor = None,
    cursor: Cursor = "",
) -> None:
    """Watch what happens from now on, a line each, until Ctrl-C.

    What is cut off goes on where it was, also when the server starts again. With --json each line
    is an object; its cursor lets a later watch begin after it. The first has no event, and so has
    one after each minute without any.

    \b
    Examples:
      gatehouse events watch
      gatehouse events watch --type auth. --subject ada@example.com
      gatehouse events watch --type users.deleted --json >> deleted.jsonl
    """
    request = pb.WatchEventsRequest(
        type_prefix=type_prefix(type_),
        subject=_subject(client, subject),
        actor="" if actor is None else subject_of(client, actor),
        cursor=cursor,
    )

    @lru_cache(_KNOWN)
    def called(subject: str) -> str:
        return People(client, [subject]).short(subject)

    begun = chain(["Watching. Ctrl-C ends it."], repeat("Going on; nothing was missed."))
    printed = -_SILENCE
    try:
        for message in follow(
            client.events,
            request,
            on_cut=lambda refusal: client.screen.note(f"Cut off [{_why(refusal)}]: trying again."),
            on_begun=lambda: client.screen.note(next(begun)),
        ):
            if client.screen.as_json:
                if message.HasField("event") or monotonic() - printed >= _SILENCE:
                    client.screen.json_line(message)
                    printed = monotonic()
            elif message.HasField("event"):
                client.screen.lines([line(message.event, called)])
                if message.event.type.startswith("gatehouse.users."):
                    called.cache_clear()  # an address may be another now
    except grpc.RpcError as error:
        refusal = Refusal.of(error)
        if refusal.reason != "ERROR_REASON_FOREIGN_REVISION":
            raise
        raise Failed(
            "the database was restored or failed over, so it is not known what comes after the"
            " cursor [FAILED_PRECONDITION, FOREIGN_REVISION]: `gatehouse events list` shows what is"
            " there; without --cursor watch again"
        ) from error


def _why(refusal: Refusal) -> str:
    reason = refusal.reason.removeprefix("ERROR_REASON_")
    return f"{refusal.code.name}, {reason}" if reason else refusal.code.name


def _subject(client: Client, given: str | None) -> str:
    """What events may be about: a subject, or anything else that has a name."""
    if given is None:
        return ""
    # Those of files are the only names with an @ in them.
    return given if given.startswith("files/") else subject_of(client, given)
