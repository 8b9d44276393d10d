"""What several domains need: a wait for locks, and an S3 and a disk to keep objects in."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from service.storage.objects import ObjectStore
from tests.support.house import House
from tests.support.places import BucketPlace, FolderPlace, Place
from tests.support.s3 import S3, environment
from tests.support.waiting import wait_until

_WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"


@pytest.fixture
def meanwhile(gatehouse: House) -> Iterator[Callable[..., Future[Any]]]:
    """Begins something in a thread, and returns once it is done or one more waits for a lock."""
    with ThreadPoolExecutor() as threads:

        def begin(work: Callable[[], object]) -> Future[object]:
            already = len(gatehouse.sql(_WAITING))
            begun = threads.submit(work)
            wait_until(
                lambda: begun.done() or len(gatehouse.sql(_WAITING)) > already,
                "the wait for the lock",
            )
            return begun

        yield begin


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """An S3 of this process (xdist worker), with a bucket for each test that asks for one."""
    running = S3()
    yield running
    running.stop()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which nothing is said of any S3."""
    for name in [it for it in os.environ if it.startswith("AWS_")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def bucket(s3: S3, aws: pytest.MonkeyPatch) -> BucketPlace:
    """A bucket with nothing in it, in the S3 that the environment tells of."""
    for name, value in environment(s3.port).items():
        aws.setenv(name, value)
    return BucketPlace(s3)


@pytest.fixture
def folder(tmp_path: Path) -> FolderPlace:
    """A folder that is not there yet."""
    return FolderPlace(tmp_path / "files")


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each place that objects can be kept in."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def objects(place: Place) -> ObjectStore:
    """A store there."""
    return ObjectStore.open(place.url)
