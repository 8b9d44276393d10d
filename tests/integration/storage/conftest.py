"""S3 and a disk, as the object store's tests have them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.storage.objects import ObjectStore
from tests.support.places import BucketPlace, FolderPlace, Place
from tests.support.s3 import S3, environment


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
