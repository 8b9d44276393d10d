"""`gatehouse files …`."""

from enum import StrEnum
from typing import Annotated
from uuid import uuid4

import typer
from gatehouse.access.v1 import access_service_pb2 as access_pb
from gatehouse.access.v1.grant_pb2 import EFFECT_ALLOW
from gatehouse.auth.v1 import auth_service_pb2 as auth_pb
from gatehouse.files.v1 import file_service_pb2 as pb
from gatehouse.files.v1.file_pb2 import File
from rich.filesize import decimal

from service.cli.client import Client, against_server
from service.cli.file_contents import get, put
from service.cli.file_names import NAMES, Name, file_in, file_name, folder_name, last_segment
from service.cli.grants import show_grant
from service.cli.moments import Ends
from service.cli.pages import Limit, PageToken, read_pages
from service.cli.people import People
from service.cli.screen import Column, when
from service.cli.usage import Commands
from service.cli.who import SUBJECTS, subject_of

app = Commands("Upload, download and share files.")

_COLUMNS = [
    Column("NAME", folds=True),
    Column(f"{'SIZE':>9}"),
    Column("UPDATED"),
    Column("TYPE", from_width=100, folds=True),
]

app.command()(put)
app.command()(get)


class Can(StrEnum):
    """What others are given, in words."""

    READ = "read"
    WRITE = "write"


_ROLES = {Can.READ: "roles/file-reader", Can.WRITE: "roles/file-editor"}


@app.command()
@against_server
def ls(
    client: Client,
    parent: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER", show_default=False, help="Only what is below it. Default: all."
        ),
    ] = "",
    limit: Limit = 50,
    page_token: PageToken = "",
) -> None:
    """List the files that you may read, by name.

    \b
    Examples:
      gatehouse files ls
      gatehouse files ls reports/2026
      gatehouse files ls me --limit 0 --json
    """
    request = pb.ListFilesRequest(parent=folder_name(parent), page_token=page_token)
    found = read_pages(client.files.ListFiles, request, pb.ListFilesResponse(), limit)
    if client.screen.as_json:
        client.screen.json(found)
        return
    client.screen.table(_COLUMNS, map(_row, found.files))
    client.screen.more(found.next_page_token)


@app.command()
@against_server
def show(client: Client, name: Name) -> None:
    """Show a file: what it is, and not its content.

    \b
    Examples:
      gatehouse files show reports/2026/q3.pdf
    """
    answer = client.files.GetFile(pb.GetFileRequest(name=file_name(name)))
    if client.screen.as_json:
        client.screen.json(answer)
        return
    file = answer.file
    client.screen.facts(
        {
            "name": file.name,
            "size": f"{decimal(file.size)} ({file.size})" if file.size > 999 else str(file.size),
            "type": file.content_type,
            "labels": ", ".join(f"{k}={v}" for k, v in sorted(file.labels.items())),
            "SHA-256": file.sha256,
            "creator": People(client, [file.creator]).both(file.creator),
            "created": when(file.create_time),
            "updated": when(file.update_time),
            "etag": file.etag,
        }
    )


@app.command()
@against_server
def mv(
    client: Client,
    name: Name,
    destination: Annotated[
        str,
        typer.Argument(
            metavar="DESTINATION",
            show_default=False,
            help="The new name; after a / the file keeps its last part.",
        ),
    ],
) -> None:
    """Give a file another name. From there on the grants on its new path decide.

    \b
    Examples:
      gatehouse files mv reports/q3-draft.pdf reports/q3.pdf
      gatehouse files mv me/q3.pdf reports/2026/
    """
    name = file_name(name)
    request = pb.MoveFileRequest(
        name=name,
        destination=file_in(destination, last_segment(name)),
        request_id=str(uuid4()),
    )
    answer = client.files.MoveFile(request)
    client.screen.answer(answer, f"Moved {name} to {answer.file.name}.")


@app.command()
@against_server
def rm(
    client: Client,
    name: Annotated[
        list[str], typer.Argument(metavar="NAME", show_default=False, help=f"{NAMES}.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete files, for good. The grants on their paths stay.

    \b
    Examples:
      gatehouse files rm reports/q3-draft.pdf
      gatehouse files rm me/a.txt me/b.txt --yes
    """
    names = [file_name(one) for one in name]
    if not yes:
        client.screen.confirm(f"Delete {', '.join(names)} for good?", unless="--yes")
    for one in names:
        client.files.DeleteFile(pb.DeleteFileRequest(name=one, request_id=str(uuid4())))
        if not client.screen.as_json:
            client.screen.lines([f"Deleted {one}."])
    if client.screen.as_json:
        client.screen.json(pb.DeleteFileResponse())


@app.command()
@against_server
def share(
    client: Client,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", show_default=False, help="A file, or a folder with all in it."
        ),
    ],
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", show_default=False, help=f"{SUBJECTS}.")
    ],
    can: Annotated[
        Can, typer.Option(help="What they may; write is also read and delete.")
    ] = Can.READ,
    until: Ends = None,
) -> None:
    """Let someone read or write a file or a folder: a grant on its path.

    \b
    Examples:
      gatehouse files share reports/2026 groups/finance
      gatehouse files share reports/2026/q3.pdf ada@example.com --can write --until 7d
    """
    if not name:  # as of a variable that a shell knows nothing of
        raise typer.BadParameter("NAME is empty: / is all there is")
    answer = client.access.CreateGrant(
        access_pb.CreateGrantRequest(
            path=_access_path(client, folder_name(name)),
            role=_ROLES[can],
            subject=subject_of(client, subject),
            effect=EFFECT_ALLOW,
            expire_time=until,
            request_id=str(uuid4()),
        )
    )
    show_grant(client, answer)
    client.screen.note(f"`gatehouse grants delete {answer.grant.name}` takes it back.")


def _access_path(client: Client, name: str) -> str:
    """Where the file or folder is in the access engine, to which `me` says nothing."""
    mine = "files/users/me"
    if name == mine or name.startswith(f"{mine}/"):
        me = client.auth.WhoAmI(auth_pb.WhoAmIRequest()).subject
        name = f"files/{me}{name.removeprefix(mine)}"
    return f"/{name or 'files'}"


def _row(file: File) -> list[str]:
    return [file.name, f"{decimal(file.size):>9}", when(file.update_time), file.content_type]
