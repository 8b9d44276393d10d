"""What is remembered is believed for three seconds after the last read, whoever says what."""

from collections.abc import Callable

import pytest

from service.access import decisions as decisions_module
from service.access.models import Check, Effect, Freshness
from service.kernel.errors import Unavailable
from service.storage import feed as feed_module
from service.storage.feed import TRUST, ChangeFeed
from tests.integration.access.steps import USERS
from tests.integration.access.world import World
from tests.support.reader import Reader

ADA = USERS[0]
GRANT = ("grant", ADA, "/a", "roles/reader", Effect.ALLOW, None)
QUESTION = (ADA, "docs.read", "/a")
Later = Callable[[float], None]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Lets the feed and the decisions think that it is later."""
    ahead, monotonic = [0.0], feed_module.monotonic

    def later(seconds: float) -> None:
        ahead[0] += seconds

    for module in (feed_module, decisions_module):
        monkeypatch.setattr(module, "monotonic", lambda: monotonic() + ahead[0])
    return later


@pytest.fixture
def knowing(world: World, reader: Reader) -> Reader:
    """Remembers that Ada is allowed; the grant is gone since."""
    world.take([GRANT])
    reader.feed.read()
    assert reader.allows(*QUESTION)
    world.take([("ungrant", 0)])
    return reader


def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(self: ChangeFeed) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(ChangeFeed, "read", read)


def test_what_was_read_just_now_is_believed(knowing: Reader, pass_time: Later) -> None:
    pass_time(TRUST - 1)
    assert knowing.allows(*QUESTION), "bounded staleness: nobody told it yet"


def test_what_was_read_long_ago_is_looked_at_again(knowing: Reader, pass_time: Later) -> None:
    pass_time(TRUST)
    assert not knowing.allows(*QUESTION)


@pytest.mark.parametrize("ask", ["allows", "roles_on", "decide"])
def test_who_cannot_look_answers_nothing_from_memory(
    knowing: Reader, pass_time: Later, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    questions = {
        "allows": lambda: knowing.decisions.allows(*QUESTION),
        "roles_on": lambda: knowing.decisions.roles_on(ADA, "/a"),
        "decide": lambda: knowing.decisions.decide([Check(*QUESTION)]),
    }
    pass_time(TRUST)
    away(monkeypatch)
    with pytest.raises(Unavailable):
        questions[ask]()


def test_what_this_process_commits_earns_no_trust(
    knowing: Reader, pass_time: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    pass_time(TRUST)
    away(monkeypatch)
    knowing.policy.apply([])
    with pytest.raises(Unavailable):
        knowing.allows(*QUESTION)


def test_a_fully_consistent_answer_believes_nothing(knowing: Reader) -> None:
    assert knowing.decisions.decide([Check(*QUESTION)], Freshness(full=True))[0] == [False]


def test_a_fully_consistent_answer_needs_the_database(
    knowing: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(type(knowing.database), "reading", gone)
    assert knowing.allows(*QUESTION), "while memory is still believed"
    with pytest.raises(Unavailable):
        knowing.decisions.decide([Check(*QUESTION)], Freshness(full=True))
