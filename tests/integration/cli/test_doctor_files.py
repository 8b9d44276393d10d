"""`gatehouse doctor --files`: every way in which the store and its rows can differ."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from service.files import comparison
from service.files.comparison import Comparison, Difference, Kind
from service.files.contents import PART
from service.files.reaping import Reaper
from service.kernel.envelope import sealed_size
from service.storage.objects import ObjectStore, StoredPart, Stray, key_of
from tests.support import s3 as s3_support
from tests.support.commands import Shell
from tests.support.databases import RING_KEY
from tests.support.files import upload
from tests.support.house import House
from tests.support.places import BucketPlace, FolderPlace, Place
from tests.support.s3 import S3

WELL = {"file contents", "file objects", "file strays", "file deletions", "file usage"}
PROBLEM = "problem"


@dataclass
class Kept:
    """A house with files in it, and the place where they are kept."""

    house: House
    place: Place
    shell: Shell

    def put(self, name: str, size: int) -> UUID:
        """A new file; answers its object."""
        upload(self.house.admin, f"files/{name}", b"x" * size)
        return self.object_of(name)

    def object_of(self, name: str) -> UUID:
        [[found]] = self.house.sql("SELECT object FROM files WHERE name = :n", n=f"files/{name}")
        return UUID(str(found))

    @property
    def store(self) -> ObjectStore:
        return ObjectStore.open(self.place.url)

    def differences(self) -> list[Difference]:
        return list(Comparison(self.house.application.services.database, self.store).differences())

    def report(self) -> dict[str, list[tuple[str, str]]]:
        """What the doctor says, by check."""
        done = self.shell.run("doctor", "--files", "--json")
        found = json.loads(done.out)
        said: dict[str, list[tuple[str, str]]] = {}
        for it in found["checks"]:
            said.setdefault(it["check"], []).append((it["status"], it["detail"]))
        problems = any(status == PROBLEM for them in said.values() for status, _ in them)
        assert (found["ok"], done.code) == ((False, 1) if problems else (True, 0)), done
        return said


OpenKept = Callable[..., Kept]


@pytest.fixture
def kept(open_house: Callable[..., House], tmp_path: Path) -> OpenKept:
    """Makes houses that keep their files in a place."""

    def make(place: Place | None = None, **settings: object) -> Kept:
        place = place or FolderPlace(tmp_path / "store")
        house = open_house(file_store_url=place.url, **settings)
        given = {
            "DATABASE_URL": house.stores.database_url.replace("+psycopg", ""),
            "REDIS_URL": house.stores.redis_url,
            "ENCRYPTION_KEYS": b64encode(RING_KEY).decode(),
            "GRPC_ADDRESS": "127.0.0.1:0",
            "OPS_ADDRESS": "127.0.0.1:0",
            "FILE_STORE_URL": place.url,
        }
        environment = {f"GATEHOUSE_{name}": value for name, value in given.items()}
        return Kept(house, place, Shell(tmp_path, **environment))

    return make


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def encryption(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketPlace]:
    s3 = S3()
    for name, value in s3_support.environment(s3.port).items():
        monkeypatch.setenv(name, value)
    yield BucketPlace(s3)
    s3.stop()


def test_files_that_are_whole_are_found_well(kept: OpenKept, encryption: bool) -> None:
    here = kept(file_encryption=encryption)
    for name, size in {"empty": 0, "small": 5, "part": PART, "large": 2 * PART + 1}.items():
        here.put(name, size)
    said = here.report()
    assert said["file store"] == [("ok", "takes what is put there, gives it back and deletes it")]
    assert said["file contents"] == [("ok", "4 files of 12.0 MiB are whole")]
    assert {check for check in WELL if said[check][0][0] == "ok"} == WELL


def test_whatever_differs_on_a_disk_is_told_with_what_to_do(
    kept: OpenKept, tmp_path: Path, encryption: bool
) -> None:
    here = kept(file_encryption=encryption)
    lacking, short, whole = here.put("lacking", PART + 5), here.put("short", 5), here.put("ok", 1)
    root = tmp_path / "store"
    (root / key_of(lacking, 1)).unlink()
    (root / key_of(short, 0)).write_bytes(b"xxx")
    nobodys = uuid4()
    here.place.lay(key_of(nobodys, 0), b"nobody's")
    here.place.lay("README", b"hello")
    here.place.lay(key_of(whole, 1), b"more")
    here.place.lay(f"{key_of(whole, 0)}#1", b"left")
    forgotten = here.put("forgotten", 3)
    here.house.sql("DELETE FROM files WHERE name = 'files/forgotten'")
    here.put("given-up", 3)
    here.house.sql(
        "UPDATE file_objects SET state = 'DELETED', time = now() - interval '1 hour'"
        " FROM files f WHERE f.object = id AND f.name = 'files/given-up'"
    )
    here.house.sql(
        "INSERT INTO file_objects (id, owner, state, size, time)"
        " VALUES (gen_random_uuid(), 'users/x', 'WRITING', 7, now() - interval '1 hour')"
    )
    said = here.report()

    size = sealed_size(5) if encryption else 5
    restore = "put it back from a backup of the store, or delete the file"
    assert sorted(said["file contents"]) == [
        (PROBLEM, f"files/given-up: its content is given up: {restore}"),
        (PROBLEM, f"files/lacking: {key_of(lacking, 1)} is not in the store: {restore}"),
        (PROBLEM, f"files/short: {key_of(short, 0)} has 3 bytes, not {size}: {restore}"),
    ]
    assert {status for status, _ in said["file objects"]} == {PROBLEM}
    objects = sorted(detail for _, detail in said["file objects"])
    if_so = "if GATEHOUSE_DATABASE_URL is the database of this store, delete it"
    assert f"{key_of(nobodys)}, 8 bytes: no row tells of it: {if_so}" in objects
    assert [it for it in objects if it.startswith(key_of(forgotten))]
    assert len(objects) == 2
    assert sorted(said["file strays"]) == sorted(
        [
            (PROBLEM, "README, 5 bytes: nothing of Gatehouse's: delete it"),
            (PROBLEM, f"{key_of(whole, 1)}, 4 bytes: beyond the end of a file: delete it"),
            (PROBLEM, f"{key_of(whole, 0)}#1, 4 bytes: left beside a file's content: delete it"),
        ]
    )
    deleted, writing = (detail for _, detail in said["file deletions"])
    assert "wait to be deleted from the store: is `gatehouse worker` running?" in deleted
    assert "wait to be given up: is `gatehouse worker` running?" in writing
    admin = here.house.admin.name
    assert [detail.split(":")[0] for _, detail in said["file usage"]] == [admin, "users/x"]
    assert f"{PART + 17} bytes are counted and {PART + 14} kept" in said["file usage"][0][1]


def test_what_differs_in_s3_is_told(kept: OpenKept, bucket: BucketPlace) -> None:
    here = kept(bucket)
    lost = here.put("lost", 5)
    here.put("whole", PART + 5)
    here.store.delete(lost)
    nobodys = uuid4()
    here.store.put(nobodys, 0, b"nobody's")
    bucket.lay("README", b"hello")
    assert {(it.kind, it.what) for it in here.differences()} == {
        (Kind.DAMAGED, "files/lost"),
        (Kind.WITHOUT_ROW, key_of(nobodys)),
        (Kind.STRAY, "README"),
    }
    said = here.report()
    assert [len(said[check]) for check in ("file contents", "file objects", "file strays")] == [
        1
    ] * 3


def test_a_key_beside_which_nothing_can_be_listed_is_told(
    kept: OpenKept, bucket: BucketPlace
) -> None:
    here = kept(bucket)
    bucket.lay("a//b", b"strange")
    said = here.report()
    [(status, detail)] = said["file strays"]
    assert (status, "delete it" in detail) == (PROBLEM, True)
    assert said["file contents"][0][0] == "skipped"


def test_a_store_that_is_away_is_told_and_the_rest_looked_at(
    kept: OpenKept, tmp_path: Path
) -> None:
    here = kept()
    (tmp_path / "file").touch()
    here.shell.environment["GATEHOUSE_FILE_STORE_URL"] = (tmp_path / "store").as_uri()
    (tmp_path / "store").rmdir()
    (tmp_path / "store").symlink_to("/proc/self")  # where nothing can be made
    said = here.report()
    [(status, detail)] = said["file store"]
    assert (status, "Is GATEHOUSE_FILE_STORE_URL right" in detail) == (PROBLEM, True)
    assert said["encryption keys"][0][0] == said["file usage"][0][0] == "ok"
    assert said["file contents"][0][0] == "skipped"


def test_a_store_that_cannot_be_opened_is_told_in_one_line(
    kept: OpenKept, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = kept()
    here.shell.environment |= {
        "GATEHOUSE_FILE_STORE_URL": "s3://bucket",
        "AWS_ENDPOINT_URL": "http://far.example",
    }
    [(status, detail)] = here.report()["file store"]
    told = "AWS_ENDPOINT_URL: off loopback it takes https://, or AWS_ALLOW_HTTP=true"
    assert (status, detail) == (PROBLEM, f"GATEHOUSE_FILE_STORE_URL cannot be used: {told}")
    assert "GATEHOUSE_FILE_STORE_URL cannot be used" in here.shell.run("serve").line


def test_many_of_a_kind_are_counted_for_people_and_all_told_to_programs(kept: OpenKept) -> None:
    here = kept()
    for it in range(23):
        here.place.lay(f"stray-{it}", b"")
    lines = here.shell.run("doctor", "--files").out.splitlines()
    strays = [it for it in lines if " file strays " in it]
    assert len(strays) == 21
    assert "3 more like those above; --json shows them all" in strays[-1]
    assert len(here.report()["file strays"]) == 23


def test_going_through_it_in_small_steps_finds_the_same(
    kept: OpenKept, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = kept()
    lost = [here.put(f"{it}", it) for it in range(1, 12)][::3]
    for it in lost:
        here.store.delete(it)
    for _ in range(4):
        here.store.put(uuid4(), 0, b"nobody's")
    expected = set(here.differences())
    assert len(expected) == 8
    for step in (1, 2, 3):
        monkeypatch.setattr(comparison, "_AT_ONCE", step)
        assert set(here.differences()) == expected


def test_what_a_running_server_does_meanwhile_is_no_difference(
    kept: OpenKept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each listing a file comes, and another goes for good."""
    here = kept()
    goes = [f"goes-{it}" for it in range(4)]
    for name in goes:
        here.put(name, 5)
    services = here.house.application.services
    reaper = Reaper(services.database, services.object_store)
    really = ObjectStore.parts

    def parts(store: ObjectStore, shard: int | None = None) -> Iterator[StoredPart | Stray]:
        yield from list(really(store, shard))
        here.put(f"comes-{uuid4()}", 5)
        if goes:
            here.house.admin.files.DeleteFile(name=f"files/{goes.pop()}")
            here.house.sql(
                "UPDATE file_objects SET time = now() - interval '1 h' WHERE state='DELETED'"
            )
            reaper.reap()

    monkeypatch.setattr(ObjectStore, "parts", parts)
    for _ in range(3):
        assert here.differences() == []
