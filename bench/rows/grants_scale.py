"""Decisions and lists at a thousand and at a million grants: more of others' must not cost more."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from gatehouse.access.v1 import access_service_pb2 as pb

from bench.access import Access
from bench.gatehouse import Gatehouse
from bench.load.request import Request, Shape
from bench.outcome import Budget, Outcome
from bench.rounds import Measured, duel, p50
from bench.seed_grants import BUSY, PERMISSION, WIDE, Seeded, insert_grants
from bench.settled import CHECK
from bench.stage import Stage

_LIST_ACCESS = "/gatehouse.access.v1.AccessService/ListAccess"
_LIST_SUBJECTS = "/gatehouse.access.v1.AccessService/ListSubjects"
_FEW, _MANY, _MANY_QUICK = 1_000, 1_000_000, 100_000
_ASKED = 100
_PAGE = 100
_ONE_BY_ONE = Shape(connections=1, streams=1)


@dataclass(frozen=True)
class _Site:
    """A server with its grants, and the token of a service that may ask about everybody."""

    server: Gatehouse
    seeded: Seeded
    token: str

    def checks(self, offset: int) -> list[tuple[Request, bool]]:
        """Questions about so many accounts, and the answers; another offset, other accounts."""
        found = []
        for subject, path, allowed in self.seeded.questions(_ASKED, offset):
            message = pb.CheckAccessRequest(subject=subject, permission=PERMISSION, path=path)
            found.append((Request.of(self.server.target, CHECK, message, self.token), allowed))
        return found

    def ask(self, request: Request, allowed: bool) -> float:  # noqa: FBT001 - as it is answered
        """How many milliseconds an answer takes, which must be right."""
        started = perf_counter()
        answer = self.server.reaches(request)
        took = (perf_counter() - started) * 1000
        assert pb.CheckAccessResponse.FromString(answer).allowed is allowed
        return took

    def list_access(self) -> Request:
        """A page of the paths of an account that was granted many."""
        message = pb.ListAccessRequest(subject=WIDE, permission=PERMISSION, page_size=_PAGE)
        request = Request.of(self.server.target, _LIST_ACCESS, message, self.token)
        answer = pb.ListAccessResponse.FromString(self.server.reaches(request))
        assert len(answer.paths) == _PAGE
        return request

    def list_subjects(self) -> Request:
        """A page of the subjects of a path that many were granted."""
        message = pb.ListSubjectsRequest(path=BUSY, permission=PERMISSION, page_size=_PAGE)
        request = Request.of(self.server.target, _LIST_SUBJECTS, message, self.token)
        answer = pb.ListSubjectsResponse.FromString(self.server.reaches(request))
        assert len(answer.subjects) == _PAGE
        return request


class GrantsAtScale:
    """CheckAccess, ListAccess and ListSubjects on two servers that run side by side."""

    name = "grants-scale"
    about = "CheckAccess and lists at 1,000,000 grants against 1,000"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Nobody's own grants are more at either: each account has three, three groups above it."""
        many = _MANY_QUICK if stage.quick else _MANY
        with Gatehouse() as big_server, Gatehouse() as small_server:
            big, small = (
                self._site(stage, server, count)
                for server, count in ((big_server, many), (small_server, _FEW))
            )
            return [
                self._cold(big, small, many),
                self._warm(stage, big, small, many),
                self._page(stage, _Site.list_access, "ListAccess", big, small, many),
                self._page(stage, _Site.list_subjects, "ListSubjects", big, small, many),
            ]

    def _site(self, stage: Stage, server: Gatehouse, count: int) -> _Site:
        stage.say(f"putting {count:,} grants in")
        seeded = insert_grants(server, count)
        token = Access(server).checker_token()
        server.pin()
        site = _Site(server, seeded, token)
        for request, allowed in site.checks(0):  # these are the warm ones
            site.ask(request, allowed)
        return site

    def _cold(self, big: _Site, small: _Site, many: int) -> Outcome:
        ours, theirs = (
            sorted(site.ask(request, allowed) for request, allowed in site.checks(1))
            for site in (big, small)
        )
        middle = _ASKED // 2
        return Outcome(
            self.name,
            f"CheckAccess of accounts never asked about, {many:,} grants",
            ours[middle],
            "ms, p50",
            peer=f"{_FEW:,} grants",
            theirs=theirs[middle],
            ratio=ours[middle] / theirs[middle],
            notes=[f"{_ASKED} accounts, each once, one at a time, by a grpcio client"],
            rounds=[{"ours": ours, "theirs": theirs}],
        )

    def _warm(self, stage: Stage, big: _Site, small: _Site, many: int) -> Outcome:
        def time_of_one(measured: Measured) -> float:
            return 1e6 / stage.speed(measured)

        found = duel(
            stage.load_mix(big.server, [request for request, _ in big.checks(0)]),
            stage.load_mix(small.server, [request for request, _ in small.checks(0)]),
            stage.rounds,
        )
        return Outcome(
            self.name,
            f"CheckAccess, {many:,} grants",
            found.ours(time_of_one),
            "µs a call",
            Budget(1.2, at_least=False),
            f"{_FEW:,} grants",
            found.theirs(time_of_one),
            found.ratio(time_of_one),
            [f"{stage.shape}; {_ASKED} accounts, asked about before; half denied"],
            found.as_json(),
            found.others,
        )

    def _page(
        self,
        stage: Stage,
        request: Callable[[_Site], Request],
        method: str,
        big: _Site,
        small: _Site,
        many: int,
    ) -> Outcome:
        found = duel(
            stage.load(big.server, request(big), _ONE_BY_ONE),
            stage.load(small.server, request(small), _ONE_BY_ONE),
            stage.rounds,
        )
        return Outcome(
            self.name,
            f"{method}, a page of {_PAGE}, {many:,} grants",
            found.ours(p50),
            "ms, p50",
            Budget(1.3, at_least=False),
            f"{_FEW:,} grants",
            found.theirs(p50),
            found.ratio(p50),
            ["the first page of two, one call at a time"],
            found.as_json(),
            found.others,
        )
