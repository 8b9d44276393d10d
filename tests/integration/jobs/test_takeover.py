"""What a worker had begun when it died is taken up again by another."""

from collections.abc import Callable, Iterator
from typing import Any

import procrastinate
import psycopg
import pytest

from service.jobs.queue import Worker, create_queue
from service.jobs.takeover import add_takeover
from tests.support.databases import Databases
from tests.support.waiting import wait_until

Sql = Callable[..., list[Any]]
_BEGUN = (
    "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id, queueing_lock)"
    " VALUES ('default', 'work', 'doing', %s, %s)"
)


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.new().database_url


@pytest.fixture
def sql(url: str) -> Iterator[Sql]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:

        def run(statement: str, *parameters: object) -> list[Any]:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

        yield run


@pytest.fixture
def work_off(url: str) -> Iterator[Callable[[], list[int]]]:
    """Begins to work the queue off; answers the list of the jobs that are done, which grows."""
    done: list[int] = []
    queue = create_queue(url)
    add_takeover(queue)

    @queue.task(name="work", pass_context=True)
    def work(context: procrastinate.JobContext) -> None:
        done.append(context.job.id or 0)

    worker = Worker(queue)

    def begin() -> list[int]:
        worker.start()
        return done

    yield begin
    worker.stop()


def a_worker(sql: Sql, age: str) -> int:
    """One that showed life so long ago."""
    registered = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval)"
    [[worker]] = sql(f"{registered} RETURNING id", age)
    return int(worker)


def begun(sql: Sql, worker: int | None, queueing_lock: str | None = None) -> int:
    """A job that the worker had begun."""
    [[job]] = sql(f"{_BEGUN} RETURNING id", worker, queueing_lock)
    return int(job)


def test_the_jobs_of_a_dead_worker_are_done(sql: Sql, work_off: Callable[[], list[int]]) -> None:
    left = {begun(sql, a_worker(sql, "31 seconds")), begun(sql, None)}
    done = work_off()
    wait_until(lambda: left <= set(done), "the jobs")


def test_those_of_a_living_one_are_left_to_it(sql: Sql, work_off: Callable[[], list[int]]) -> None:
    its, left = begun(sql, a_worker(sql, "20 seconds")), begun(sql, None)
    done = work_off()
    wait_until(lambda: left in done, "the job of nobody")
    assert its not in done


def test_one_that_waits_for_its_next_turn_already_is_dropped(
    sql: Sql, work_off: Callable[[], list[int]]
) -> None:
    dropped, left = begun(sql, None, "lock"), begun(sql, None)
    sql(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, scheduled_at)"
        " VALUES ('default', 'work', 'lock', now() + interval '1 hour')"
    )
    done = work_off()
    wait_until(lambda: left in done, "the other job")
    assert dropped not in done
    assert not sql("SELECT 1 FROM procrastinate_jobs WHERE id = %s", dropped)
