"""Files while something breaks: a client, a disk, S3, a database, a permission, the server."""

import os
import queue
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM
from time import monotonic
from typing import Any
from uuid import uuid4

import grpc
import pytest
from gatehouse.files.v1 import file_service_pb2 as pb

from service.files.comparison import Comparison
from service.files.reaping import Reaper
from service.transport import pipeline
from tests.support import s3 as s3_support
from tests.support.clients import Client
from tests.support.commands import Shell
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.process import ServerProcess
from tests.support.refusals import (
    CANCELLED,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    read,
    refused,
)
from tests.support.s3 import S3
from tests.support.waiting import wait_until

MIB = 1024 * 1024
UPLOAD = "/gatehouse.files.v1.FileService/UploadFile"
NAME = "files/a"


class Feed:
    """An upload that a test sends message by message; it is cut when the test is over."""

    def __init__(self, client: Client, name: str, **header: Any) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._queue.put(pb.UploadFileRequest(header={"name": name} | header))
        self.call = client.files.UploadFile.future(iter(self._queue.get, None))

    def send(self, content: bytes) -> None:
        for at in range(0, len(content), MIB):
            self._queue.put(pb.UploadFileRequest(chunk=content[at : at + MIB]))

    def end(self) -> Any:
        """Says that this was all, and answers the file."""
        self._queue.put(None)
        return self.call.result().file

    def fails(self) -> grpc.RpcError:
        """How it fails, while it would go on."""
        error = self.call.exception()
        self._queue.put(None)
        return error

    def cut(self) -> None:
        self.call.cancel()
        self._queue.put(None)


def names_of(client: Client) -> list[str]:
    return [it.name for it in client.files.ListFiles().files]


def under_way(house: House) -> int:
    return house.application.transfers.under_way


def objects_of(house: House, state: str) -> int:
    [[found]] = house.sql("SELECT count(*) FROM file_objects WHERE state = :s", s=state)
    return int(found)


def require_nothing_left(house: House) -> None:
    """After the reaper, store and rows agree, and there is nothing but files."""
    services = house.application.services
    store = services.contents._store
    for _ in range(2):
        house.sql("UPDATE file_objects SET time = time - interval '1 h' WHERE state <> 'STORED'")
        Reaper(services.database, services.object_store).reap()
    compared = Comparison(services.database, store)
    assert list(compared.differences()) == compared.overdue() == compared.miscounts() == []
    assert objects_of(house, "WRITING") == objects_of(house, "DELETED") == 0


# Clients that go


def cut_one(house: House, feed: Feed) -> None:
    """Cuts an upload while some of it is on its way."""
    wait_until(lambda: under_way(house), "the upload")
    feed.send(b"x" * 200_000)
    feed.cut()
    wait_until(lambda: not under_way(house), "its end")


def test_uploads_that_are_cancelled_are_no_files(
    open_house: Callable[..., House], capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither size nor sum is promised, so nothing but the end of the stream tells."""
    house = open_house()
    rounds = 150  # of which gRPC by itself takes 7 % for whole: eleven
    for number in range(rounds):
        feed = Feed(house.admin, f"files/{number}")
        cut_one(house, feed)
    assert names_of(house.admin) == []
    require_nothing_left(house)
    house.application.access_log.stop()
    lines = capfd.readouterr().err
    assert "Traceback" not in lines
    codes = Counter(
        line.partition('"code":"')[2][:9] for line in lines.splitlines() if UPLOAD in line
    )
    assert codes == {"CANCELLED": rounds}


@pytest.mark.long
def test_without_asking_for_the_end_some_would_be(
    open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "ended_by_client", lambda context: True)
    house = open_house()

    def some() -> bool:
        feed = Feed(house.admin, f"files/{uuid4()}")
        cut_one(house, feed)
        return bool(names_of(house.admin))

    wait_until(some, "half a file")


_CLIENT = """
import itertools, sys, threading, grpc
from gatehouse.files.v1 import file_service_pb2 as pb, file_service_pb2_grpc as rpc

address, token, prefix = sys.argv[1:]
stub = rpc.FileServiceStub(grpc.insecure_channel(address))
begun = threading.Semaphore(0)

def half(number):
    yield pb.UploadFileRequest(header={"name": f"{prefix}-{number}"})
    for part in range(3):
        yield pb.UploadFileRequest(chunk=b"x" * 1000)
    begun.release()
    threading.Event().wait()

metadata = [("authorization", f"Bearer {token}")]
calls = [stub.UploadFile.future(half(it), metadata=metadata) for it in range(12)]
for _ in calls:
    begun.acquire()
print("begun", flush=True)
sys.stdin.read()
"""


def test_clients_that_are_killed_leave_no_files(open_house: Callable[..., House]) -> None:
    house = open_house()
    for number in range(4):
        arguments = [house.address, house.admin.tokens.access_token, f"files/{number}"]
        client = subprocess.Popen(
            [sys.executable, "-c", _CLIENT, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with client:
            assert client.stdout is not None
            assert client.stdout.readline() == b"begun\n"
            wait_until(lambda: under_way(house) == 12, "the uploads")
            client.kill()
        wait_until(lambda: not under_way(house), "their end")
    assert names_of(house.admin) == []
    require_nothing_left(house)


def test_one_caller_has_sixteen_transfers_and_others_get_in(
    open_house: Callable[..., House],
) -> None:
    house = open_house()
    feeds = [Feed(house.admin, f"files/{it}") for it in range(16)]
    wait_until(lambda: under_way(house) == 16, "the uploads")
    with refused(RESOURCE_EXHAUSTED, reason="TOO_MANY_TRANSFERS"):
        upload(house.admin, "files/more", b"x")
    other = house.new_person("roles/owner")
    assert upload(other, "files/other", b"x").size == 1
    feeds.pop().cut()
    wait_until(lambda: under_way(house) == 15, "the end of one")
    assert upload(house.admin, "files/more", b"x").size == 1
    for feed in feeds:
        feed.cut()


def test_the_store_is_not_read_far_ahead_of_a_client_that_does_not_read(
    open_house: Callable[..., House],
) -> None:
    house = open_house()
    upload(house.admin, NAME, b"x" * 64 * MIB)
    contents = house.application.services.contents
    stream = house.admin.files.DownloadFile(name=NAME)
    next(stream)
    transfers = house.application.transfers

    def stands_still() -> bool:
        since = [it._waiting_since for it in transfers._open]
        return bool(since and since[0] and monotonic() - since[0] > 0.5)

    wait_until(stands_still, "the server's waiting")
    assert contents.read <= 16 * MIB
    assert sum(len(it.chunk) for it in stream) == 64 * MIB


# Stores that are full or away


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk on which 16 MiB have room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_told_and_has_room_again_at_once(
    open_house: Callable[..., House], small_disk: Path
) -> None:
    house = open_house(file_store_url=small_disk.as_uri())
    kept = os.urandom(5 * MIB)
    upload(house.admin, "files/kept", kept)
    for size in (None, 40 * MIB):
        header = {} if size is None else {"size": size}
        with refused(RESOURCE_EXHAUSTED, reason="STORAGE_FULL"):
            upload(house.admin, "files/large", b"x" * 40 * MIB, **header)
    # Without a reaper: the room of what failed has been freed.
    assert objects_of(house, "WRITING") == objects_of(house, "DELETED") == 0
    upload(house.admin, "files/small", kept)
    assert content_of(house.admin, "files/kept") == content_of(house.admin, "files/small") == kept
    assert names_of(house.admin) == ["files/kept", "files/small"]
    require_nothing_left(house)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    running = S3()
    for name, value in s3_support.environment(running.port).items():
        monkeypatch.setenv(name, value)
    yield running
    running.stop()


def test_without_s3_transfers_are_unavailable_and_work_again_with_it(
    open_house: Callable[..., House], s3: S3
) -> None:
    bucket = s3.new_bucket()
    house = open_house(file_store_url=f"s3://{bucket}")
    upload(house.admin, "files/large", b"x" * 64 * MIB)
    download = house.admin.files.DownloadFile(name="files/large")
    next(download)
    feed = Feed(house.admin, NAME)
    feed.send(b"x" * 5 * MIB)
    wait_until(lambda: len(s3.keys(bucket)) > 16, "the upload's first part")
    s3.stop()
    feed.send(b"x" * 16 * MIB)
    refusal = read(feed.fails())
    assert (refusal.code, refusal.reason) == (UNAVAILABLE, "FILE_STORE_UNAVAILABLE")
    with refused(UNAVAILABLE, reason="FILE_STORE_UNAVAILABLE"):
        list(download)
    s3.start()
    s3.make_bucket(bucket)
    upload(house.admin, NAME, b"x" * 5 * MIB)
    assert content_of(house.admin, NAME) == b"x" * 5 * MIB


@pytest.mark.parametrize("signal", [SIGKILL, SIGSTOP], ids=["killed", "hanging"])
def test_without_redis_transfers_go_on(server: ServerProcess, signal: int) -> None:
    admin = server.site.admin
    feed = Feed(admin, NAME)
    feed.send(b"x" * 5 * MIB)
    server.signal_stores("valkey", signal)
    feed.send(b"x" * 5 * MIB)
    assert feed.end().size == 10 * MIB
    assert content_of(admin, NAME) == b"x" * 10 * MIB


@pytest.mark.long
def test_without_postgresql_at_its_end_an_upload_is_made_by_a_retry(server: ServerProcess) -> None:
    admin = server.site.admin
    header = {"request_id": str(uuid4())}
    content = b"x" * 5 * MIB
    feed = Feed(admin, NAME, **header)
    feed.send(content)
    wait_until(lambda: any((server.data_dir / "files").rglob("00000")), "the first part")
    server.signal_stores("postgres", SIGSTOP)
    with ThreadPoolExecutor(1) as waiting:
        ended = waiting.submit(feed.end)
        error = ended.exception()
    assert isinstance(error, grpc.RpcError)
    assert (read(error).code, read(error).reason) == (UNAVAILABLE, "DATABASE_UNAVAILABLE")
    server.signal_stores("postgres", SIGCONT)

    def made() -> bool:
        with suppress(grpc.RpcError):
            return bool(upload(admin, NAME, content, **header).size == len(content))
        return False

    wait_until(made, "the retry")
    assert names_of(admin) == [NAME]
    assert content_of(admin, NAME) == content


# Callers who may no longer


def test_an_upload_ends_when_the_permission_is_taken(open_house: Callable[..., House]) -> None:
    house = open_house()
    ada = house.new_person("roles/file-editor")
    feed = Feed(ada, NAME)
    wait_until(lambda: objects_of(house, "WRITING"), "the upload")
    house.take_roles(ada.name)
    error = failing_of(feed)
    assert (error.code, error.reason) == (PERMISSION_DENIED, "PERMISSION_MISSING")
    assert names_of(house.admin) == []
    require_nothing_left(house)


def test_an_upload_ends_with_its_session(open_house: Callable[..., House]) -> None:
    house = open_house()
    ada = house.new_person("roles/file-editor")
    feed = Feed(ada, NAME)
    wait_until(lambda: objects_of(house, "WRITING"), "the upload")
    ada.auth.Logout()
    error = failing_of(feed)
    assert (error.code, error.reason) == (UNAUTHENTICATED, "SESSION_REVOKED")
    assert names_of(house.admin) == []


def test_an_upload_that_was_all_sent_is_no_file_without_the_permission(
    open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_ASK", 3600.0)  # so that only the end is left to ask at
    house = open_house()
    ada = house.new_person("roles/file-editor")
    feed = Feed(ada, NAME)
    feed.send(b"x")
    wait_until(lambda: objects_of(house, "WRITING"), "the upload")
    house.take_roles(ada.name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        feed.end()
    assert names_of(house.admin) == []


@pytest.mark.parametrize("ending", ["permission", "session"])
def test_a_download_ends_when_it_may_not_go_on(
    open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(pipeline, "_ASK", 0.0)
    house = open_house()
    upload(house.admin, NAME, b"x" * 64 * MIB)
    ada = house.new_person("roles/file-reader")
    stream = ada.files.DownloadFile(name=NAME)
    next(stream)
    if ending == "permission":
        house.take_roles(ada.name)
        code, reason = PERMISSION_DENIED, "PERMISSION_MISSING"
    else:
        ada.auth.Logout()
        code, reason = UNAUTHENTICATED, "SESSION_REVOKED"
    with refused(code, reason=reason):
        list(stream)


def test_a_token_that_expires_ends_no_transfer(
    open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_ASK", 0.0)
    house = open_house()
    feed = Feed(house.admin, NAME)
    feed.send(b"x")
    wait_until(lambda: objects_of(house, "WRITING"), "the upload")
    clock = house.application.services.clock
    really = clock.now
    monkeypatch.setattr(type(clock), "timestamp", lambda self: really().timestamp() + 3600)
    with refused(UNAUTHENTICATED, reason="TOKEN_EXPIRED"):
        house.admin.auth.WhoAmI()
    feed.send(b"x")
    assert feed.end().size == 2


def failing_of(feed: Feed) -> Any:
    """How it fails while its client goes on sending."""

    def sent() -> bool:
        feed.send(b"x")
        return bool(feed.call.done())

    wait_until(sent, "the end of the upload")
    return read(feed.fails())


# Servers that go


def test_a_server_that_leaves_lets_transfers_end_and_then_ends_them(
    new_server: Callable[..., ServerProcess],
) -> None:
    server = new_server(DRAIN_GRACE="2s")
    admin = server.start().admin
    ends, stays = Feed(admin, "files/ends"), Feed(admin, "files/stays")
    for feed in (ends, stays):
        feed.send(b"x" * 5 * MIB)
    store = server.data_dir / "files"
    wait_until(lambda: len(list(store.rglob("00000"))) == 2, "both uploads")
    server.process.send_signal(SIGTERM)
    wait_until(lambda: any(it.get("event") == "leaving" for it in server.lines), "leaving")
    assert ends.end().size == 5 * MIB
    assert stays.fails().code() in {CANCELLED, UNAVAILABLE}
    assert server.stop() == 0
    assert not any(it.get("level") == "error" for it in server.lines)
    admin = server.start().admin
    assert names_of(admin) == ["files/ends"]
    assert content_of(admin, "files/ends") == b"x" * 5 * MIB


def test_a_server_that_is_killed_has_nothing_half(server: ServerProcess, tmp_path: Path) -> None:
    old = os.urandom(MIB)
    file = upload(server.site.admin, NAME, old)
    feeds = [Feed(server.site.admin, NAME, etag=file.etag), Feed(server.site.admin, "files/b")]
    for feed in feeds:
        feed.send(b"x" * 9 * MIB)
    store = server.data_dir / "files"
    wait_until(lambda: len(list(store.rglob("00001"))) == 2, "their parts")
    server.kill_everything()
    for feed in feeds:
        assert feed.fails().code() is UNAVAILABLE
    admin = server.start().admin
    assert names_of(admin) == [NAME]
    assert content_of(admin, NAME) == old
    names = ("DATA_DIR", "GRPC_ADDRESS", "OPS_ADDRESS")
    values = (str(server.data_dir), "127.0.0.1:0", "127.0.0.1:0")
    given = {f"GATEHOUSE_{name}": value for name, value in zip(names, values, strict=True)}
    assert Shell(tmp_path, **given).run("doctor", "--files", "--json").json["ok"]
    assert upload(admin, NAME, b"new", etag=file.etag).size == 3
