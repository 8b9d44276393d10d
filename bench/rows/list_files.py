"""ListFiles at a thousand and at a hundred thousand files: a page must not cost more among more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import sleep

from gatehouse.auth.v1 import auth_service_pb2 as auth_pb
from gatehouse.files.v1 import file_service_pb2 as pb

from bench.access import Access
from bench.database import connect
from bench.gatehouse import Gatehouse
from bench.load.request import Request, Shape
from bench.outcome import Budget, Outcome, Refused
from bench.rounds import duel, p50
from bench.seed_files import READER, insert_files
from bench.stage import Stage
from service.storage.pages import Pager
from service.transport.paging import page_request

METHOD = "/gatehouse.files.v1.FileService/ListFiles"
_FEW, _MANY = 1_000, 100_000
_PAGE = 100
_FIRST = "first page"
_ONE_BY_ONE = Shape(connections=1, streams=1)
_HOW = "one call at a time; PostgreSQL on the other core, beside the load"
_COUNTED = 20
_TOLD_AFTER = 11.0  # PostgreSQL's idle processes tell what they did after ten seconds


@dataclass(frozen=True)
class _Lister:
    """Somebody, and the files they may read, in their order."""

    server: Gatehouse
    who: str
    subject: str
    token: str
    files: Sequence[str]

    def pages(self) -> Iterator[tuple[str, Request]]:
        """What is asked for, each time answered with a full page of the right files."""
        count = len(self.files)
        for page, first in (_FIRST, 0), ("middle page", count // 2), ("last page", count - _PAGE):
            yield page, self.page(first)

    def page(self, first: int) -> Request:
        """Asks for a page from that file on; the answer must be right."""
        message = pb.ListFilesRequest(page_size=_PAGE)
        if first:
            message.page_token = self._token_after(message, self.files[first - 1])
        request = Request.of(self.server.target, METHOD, message, self.token)
        answer = pb.ListFilesResponse.FromString(self.server.reaches(request))
        if [it.name for it in answer.files] != list(self.files[first : first + _PAGE]):
            raise Refused(f"{self.who} was not listed the files from {first} on")
        return request

    def _token_after(self, message: pb.ListFilesRequest, name: str) -> str:
        """The same list after that file: walking there would take 500 pages."""
        asked = page_request(message, self.subject)
        pager = Pager(self.server.ring)
        return pager.page(asked, lambda _, size: [None] * size, lambda _: (name,)).next_page_token


class ListFiles:
    """Pages of 100, one call at a time, from two servers that run side by side."""

    name = "list-files"
    about = "ListFiles at 100,000 files against 1,000"

    def measure(self, stage: Stage) -> list[Outcome]:
        """The first, a middle and the last page of who may read all, and of who may read some."""
        with Gatehouse() as big, Gatehouse() as small:
            of_many, of_few = _listers(stage, big, _MANY), _listers(stage, small, _FEW)
            stage.say("looking at how much of the files a page reads")
            read = [_read_for_a_page(one) for one in of_many]
            return [
                self._compare(stage, ours, theirs, page, in_big, in_small, read_by_ours)
                for ours, theirs, read_by_ours in zip(of_many, of_few, read, strict=True)
                for (page, in_big), (_, in_small) in zip(ours.pages(), theirs.pages(), strict=True)
            ]

    def _compare(
        self,
        stage: Stage,
        ours: _Lister,
        theirs: _Lister,
        page: str,
        in_big: Request,
        in_small: Request,
        read: float,
    ) -> Outcome:
        found = duel(
            stage.load(ours.server, in_big, _ONE_BY_ONE),
            stage.load(theirs.server, in_small, _ONE_BY_ONE),
            stage.rounds,
        )
        return Outcome(
            self.name,
            f"ListFiles, {page}, {ours.who}, {_MANY:,} files",
            found.ours(p50),
            "ms, p50",
            Budget(1.3, at_least=False),
            f"{_FEW:,} files",
            found.theirs(p50),
            found.ratio(p50),
            [_HOW, f"rows of files read for it: {read:.0f}"] if page == _FIRST else [],
            found.as_json(),
            found.others,
        )


def _listers(stage: Stage, server: Gatehouse, count: int) -> list[_Lister]:
    """Who may read all files, and who was granted 100 folders and denied 10 in these."""
    stage.say(f"putting {count:,} files in with SQL")
    seeded = insert_files(server, count)
    access = Access(server)
    admin = server.auth.WhoAmI(auth_pb.WhoAmIRequest(), metadata=server.as_admin).subject
    reader = access.exchange(access.create_key(READER))
    server.pin()
    return [
        _Lister(server, "owner of all", admin, server.admin_token, seeded.names),
        _Lister(server, "100 grants, 10 denials", READER, reader, seeded.read_by_reader()),
    ]


def _read_for_a_page(lister: _Lister) -> float:
    """How many rows of the table of files PostgreSQL reads for a first page, planning included."""
    before = _read(lister.server)
    for _ in range(_COUNTED):
        lister.page(0)
    sleep(_TOLD_AFTER)
    return (_read(lister.server) - before) / _COUNTED


def _read(server: Gatehouse) -> int:
    with connect(server.data_dir) as connection:
        row = connection.execute(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'files'"
        ).fetchone()
    assert row
    return int(str(row[0]))
