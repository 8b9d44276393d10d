"""The table of events: how many it takes a second, and what a page costs among very many."""

from collections.abc import Iterator
from dataclasses import replace

from gatehouse.events.v1 import event_pb2
from gatehouse.events.v1 import event_service_pb2 as pb

from bench.gatehouse import Gatehouse
from bench.load.request import Request, Shape
from bench.load.writers import Writers
from bench.machine import Meter
from bench.outcome import Budget, Outcome, Refused
from bench.rounds import duel, p50, rate, watched
from bench.seed_events import SUBJECT, TYPE_PREFIX, Seeded, insert_events
from bench.stage import Stage

METHOD = "/gatehouse.events.v1.EventService/ListEvents"
_WRITERS = 8
_FEW, _MANY, _MANY_QUICK = 1_000, 1_000_000, 100_000
_PAGE = 100
_NEWEST = "newest page"
_ONE_BY_ONE = Shape(connections=1, streams=1)
_HOW = "one call at a time; PostgreSQL on the other core, beside the load"
# Seconds for each side of a round: pages are many, and each is asked for often enough in that.
_WRITING, _ASKING = 2.0, 0.5


class Events:
    """Writers with and without an event in each transaction, and pages of few and many events."""

    name = "events"
    about = "events written a second, and ListEvents at 1,000,000 against 1,000"

    def measure(self, stage: Stage) -> list[Outcome]:
        """What was written first comes to the very many, where it makes no difference."""
        many = _MANY_QUICK if stage.quick else _MANY
        with Gatehouse() as big:
            written = self._written(stage, big)
            with Gatehouse() as small:
                stage.say(f"putting {many:,} events in with SQL")
                of_many, of_few = insert_events(big, many), insert_events(small, _FEW)
                for server in (big, small):
                    server.pin()
                listed = [
                    self._listed(stage, page, big, in_big, small, in_small, many)
                    for (page, in_big), (_, in_small) in zip(
                        _pages(of_many), _pages(of_few), strict=True
                    )
                ]
        return [written, *listed]

    def _written(self, stage: Stage, server: Gatehouse) -> Outcome:
        seconds = min(stage.seconds, _WRITING)
        with Writers(server.data_dir, _WRITERS) as writers:
            stage.say(f"{_WRITERS} writers")
            writers.run(seconds, events=True)
            found = duel(
                watched(
                    server.pid, lambda: writers.run(seconds, events=True), Meter.others_anywhere
                ),
                watched(
                    server.pid, lambda: writers.run(seconds, events=False), Meter.others_anywhere
                ),
                stage.rounds,
            )
        return Outcome(
            self.name,
            f"transactions with an event, {_WRITERS} writers",
            found.ours(rate),
            "a second",
            peer="the same without",
            theirs=found.theirs(rate),
            ratio=found.ratio(rate),
            notes=[
                "each changes a row of its writer's own; committed means on the disk",
                "as use cases do, each writer a process; all on all cores",
            ],
            rounds=found.as_json(),
            others=found.others,
        )

    def _listed(
        self,
        stage: Stage,
        page: str,
        big: Gatehouse,
        in_big: pb.ListEventsRequest,
        small: Gatehouse,
        in_small: pb.ListEventsRequest,
        many: int,
    ) -> Outcome:
        brief = replace(stage, seconds=min(stage.seconds, _ASKING))
        found = duel(
            brief.load(big, _request(big, in_big), _ONE_BY_ONE),
            brief.load(small, _request(small, in_small), _ONE_BY_ONE),
            stage.rounds,
        )
        return Outcome(
            self.name,
            f"ListEvents, {page}, {many:,} events",
            found.ours(p50),
            "ms, p50",
            Budget(1.3, at_least=False),
            f"{_FEW:,} events",
            found.theirs(p50),
            found.ratio(p50),
            [_HOW] if page == _NEWEST else [],
            found.as_json(),
            found.others,
        )


def _pages(seeded: Seeded) -> Iterator[tuple[str, pb.ListEventsRequest]]:
    """What is asked for, each time answered with a full page."""
    yield _NEWEST, pb.ListEventsRequest(page_size=_PAGE)
    yield "by type", pb.ListEventsRequest(page_size=_PAGE, type_prefix=TYPE_PREFIX)
    yield "by subject", pb.ListEventsRequest(page_size=_PAGE, subject=SUBJECT)
    long_ago = pb.ListEventsRequest(page_size=_PAGE)
    long_ago.start_time.FromDatetime(seeded.time(seeded.count // 10))
    long_ago.end_time.FromDatetime(seeded.time(seeded.count // 10 * 3))
    yield "of a time long ago", long_ago


def _request(server: Gatehouse, message: pb.ListEventsRequest) -> Request:
    request = Request.of(server.target, METHOD, message, server.admin_token)
    answer = pb.ListEventsResponse.FromString(server.reaches(request))
    if len(answer.events) != _PAGE or not all(_fits(one, message) for one in answer.events):
        raise Refused(f"not {_PAGE} of the events that were asked for")
    return request


def _fits(event: event_pb2.Event, asked: pb.ListEventsRequest) -> bool:
    at = event.time.ToNanoseconds()
    return (
        event.type.startswith(asked.type_prefix)
        and asked.subject in {"", event.subject}
        and (not asked.HasField("start_time") or at >= asked.start_time.ToNanoseconds())
        and (not asked.HasField("end_time") or at < asked.end_time.ToNanoseconds())
    )
