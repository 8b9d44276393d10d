"""An older database put in place while the service runs: what is lost is soon forgotten."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc
import pytest

from tests.support.backups import Backup
from tests.support.databases import Databases
from tests.support.house import House, house, settings
from tests.support.refusals import FAILED_PRECONDITION, UNAVAILABLE, read, refused
from tests.support.waiting import wait_until

# A connection that is out when its pool is given up is closed by the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
READ, ROLE = "users.read", "roles/member"

_WENT_ON = "INSERT INTO changes (kind, key) SELECT 'user', n::text FROM generate_series(1, 100) n"


class Restored(NamedTuple):
    """A house whose database is as before a grant on /lost and the end of one on /kept."""

    house: House
    ada: str
    lost_revision: str
    old_revision: str

    def allowed(self, path: str, **consistency: object) -> bool | None:
        """Whether Ada is; None while the database is away."""
        asked = {"subject": self.ada, "permission": READ, "path": path}
        answer = there(
            lambda: self.house.admin.access.CheckAccess(**asked, consistency=consistency)
        )
        return bool(answer.allowed) if answer else None


def there(call: Callable[[], Any]) -> Any:
    """The answer; None while the database is away."""
    try:
        return call()
    except grpc.RpcError as error:
        if read(error).code is not UNAVAILABLE:
            raise
        return None


def at_last(call: Callable[[], Any]) -> Any:
    """The answer, once the database is there again."""
    answers: list[Any] = []
    wait_until(lambda: answers.append(there(call)) or answers[-1], "the database")
    return answers[-1]


@contextmanager
def restoring(databases: Databases, which: str) -> Iterator[Restored]:
    """Restored just now.

    What is put in place was a backup, or went on without what is lost, as a replica's database.
    """
    stores = databases.new()
    with house(stores, settings()) as running:
        access, ada = running.admin.access, running.new_user().name
        kept = running.grant(ada, ROLE, "/kept")
        old = access.CheckAccess(permission=READ, path="/").revision
        backup = Backup(databases, stores)
        at_last(lambda: running.grant(ada, ROLE, "/lost"))
        lost = at_last(lambda: access.DeleteGrant(name=kept.name)).revision
        made = Restored(running, ada, lost, old)
        assert made.allowed("/lost")
        assert not made.allowed("/kept")
        if which == "ahead":
            backup.run(_WENT_ON)
        backup.restore()
        yield made
    gc.collect()


@pytest.fixture(params=["behind", "ahead"])
def restored(databases: Databases, request: pytest.FixtureRequest) -> Iterator[Restored]:
    """The service has not noticed yet, and remembers what is lost."""
    with restoring(databases, request.param) as made:
        yield made


@pytest.fixture(scope="module", params=["behind", "ahead"])
def noticed(databases: Databases, request: pytest.FixtureRequest) -> Iterator[Restored]:
    """Shared by the tests of what is so once the service has noticed."""
    with restoring(databases, request.param) as made:
        wait_until(lambda: made.allowed("/kept"), "what was granted before", seconds=5)
        yield made


def test_decisions_follow_the_restored_database(noticed: Restored) -> None:
    assert noticed.allowed("/kept")
    assert not noticed.allowed("/lost")


def test_what_was_lost_is_forgotten_within_seconds_and_for_good(restored: Restored) -> None:
    wait_until(lambda: restored.allowed("/lost") is not True, "the notice", seconds=5)
    for _ in range(50):
        assert restored.allowed("/lost") is not True


def test_no_fully_consistent_answer_is_of_what_was_lost(restored: Restored) -> None:
    answers = []
    wait_until(
        lambda: (
            answers.append(restored.allowed("/lost", fully_consistent=True)) or answers[-1] is False
        ),
        "an answer",
        seconds=10,
    )
    assert True not in answers


@pytest.mark.parametrize("which", ["lost_revision", "old_revision"])
def test_revisions_of_another_history_are_foreign(noticed: Restored, which: str) -> None:
    consistency = {"at_least_as_fresh": getattr(noticed, which)}
    access: Callable[..., object] = noticed.house.admin.access.CheckAccess
    with refused(FAILED_PRECONDITION, reason="FOREIGN_REVISION"):
        access(permission=READ, path="/", consistency=consistency)


def test_what_is_written_after_it_counts(noticed: Restored) -> None:
    access = noticed.house.admin.access
    wanted = {"path": "/new", "role": ROLE, "subject": noticed.ada}
    revision = at_last(lambda: access.CreateGrant(**wanted)).revision
    assert noticed.allowed("/new", at_least_as_fresh=revision)
    assert noticed.allowed("/new")
