"""Killed at any step of an upload, a replacement, a deletion, a move, or a reaper: nothing half."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from service.files import contents
from service.files.comparison import Comparison
from service.files.errors import FileNotFound
from service.files.reaping import Reaper
from service.kernel.call import Call
from service.settings import Settings
from service.storage.objects import ObjectStore
from tests.support import dying
from tests.support.databases import RING_KEY, Databases
from tests.support.dying import PART

Process = subprocess.Popen[str]
KILLED = -9
SIZE = 2 * PART + 1000  # two parts and a third that is not full

every_step = pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.long)], ids=["main steps", "every step"]
)


class Files:
    """Files without a server, some of what is done to them in processes that die of it."""

    def __init__(
        self, databases: Databases, folder: Path, process: Process, *, encryption: bool
    ) -> None:
        stores = databases.new()
        folder.mkdir(exist_ok=True)
        settings = Settings(file_store_url=folder.as_uri(), file_encryption=encryption)
        self.services = dying.services(settings, stores)
        self._store = ObjectStore.open(settings.file_store)
        self._names = count()
        self._process = process
        given = (stores.database_url, stores.redis_url, RING_KEY.decode(), settings.file_store)
        self._given = (*given, encryption)

    def new_name(self) -> str:
        return f"files/{next(self._names)}"

    def do(self, **order: Any) -> None:
        """Does something in this process."""
        dying.do(self.services, order)

    def killed(self, order: dict[str, Any], at: int, *, every: bool) -> bool:
        """Does it in another that dies at this step, if it comes so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = order | {"at": at, "every": every, "stores": self._given}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        assert code in {0, KILLED}
        return code == KILLED

    def content(self, name: str) -> bytes | None:
        """What a reader gets of a file, if there is one."""
        try:
            found = self.services.files.download(name, 0, 0)
        except FileNotFound:
            return None
        content = b"".join(map(bytes, found.chunks))  # each is good until the next
        assert len(content) == found.file.content.size
        return content

    def etag(self, name: str) -> str:
        return self.services.files.get(name).etag

    def require_agreement(self) -> None:
        """What holds at every moment: no part is without a row, and no file without its parts."""
        compared = Comparison(self.services.database, self._store)
        assert list(compared.differences()) == []
        assert compared.miscounts() == []

    def reap(self) -> None:
        """Lets the reaper give up what stands still, and another delete what was given up."""
        for _ in range(2):
            self.age()
            Reaper(self.services.database, self.services.object_store).reap()

    def age(self) -> None:
        """Lets an hour go by for everything that is to be reaped."""
        self._sql("UPDATE file_objects SET time = time - interval '1 h' WHERE state <> 'STORED'")

    def require_nothing_left(self) -> None:
        """After the reaper: the files' contents and nothing else, in the store and in the rows."""
        self.reap()
        self.require_agreement()
        assert self._sql("SELECT FROM file_objects WHERE state <> 'STORED'") == 0
        stored = {it.object_id for it in self._store.parts()}
        assert self._sql("SELECT FROM files") == len(stored)

    def _sql(self, statement: str) -> int:
        with self.services.database.transaction(Call.internal("test")) as tx:
            rows = tx.connection.execute(text(statement)).rowcount
            tx.commit(None)
        return rows


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    """Forks those that are killed."""
    command = [sys.executable, dying.__file__]
    made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield made
    made.communicate(timeout=30)


@pytest.fixture
def new_files(
    databases: Databases, process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Files]]:
    monkeypatch.setattr(contents, "PART", PART)
    made: list[Files] = []

    def make(*, encryption: bool = False) -> Files:
        made.append(Files(databases, tmp_path / "store", process, encryption=encryption))
        return made[-1]

    yield make
    for one in made:
        one.services.stop()


def killed_at_each_step(
    files: Files, every: bool, arrange: Callable[[], tuple[dict[str, Any], Callable[[], bool]]]
) -> int:
    """Arranges, orders and kills, a step later each time, until it is over before that.

    What is arranged is an order and whether its effect is there: it is or it is not, an exception
    is neither. Answers how many were killed.
    """
    for at in count(1):
        order, is_done = arrange()
        order |= {"request_id": str(uuid4())}
        if not files.killed(order, at, every=every):
            assert is_done(), "it was acknowledged"
            break
        is_done()
        files.require_agreement()
        files.do(**order)  # as a client that got no answer
        assert is_done()
    files.require_nothing_left()
    return at - 1


@every_step
def test_an_upload(new_files: Callable[..., Files], every: bool) -> None:
    files = new_files()

    def arrange() -> tuple[dict[str, Any], Callable[[], bool]]:
        name, new = files.new_name(), dying.content("new", SIZE)

        def is_done() -> bool:
            content = files.content(name)
            assert content in {None, new}
            return content == new

        return {"do": "upload", "name": name, "seed": "new", "size": SIZE}, is_done

    assert killed_at_each_step(files, every, arrange) >= (40 if every else 6)


@pytest.mark.long
@every_step
def test_a_replacement(new_files: Callable[..., Files], every: bool) -> None:
    files = new_files(encryption=True)

    def arrange() -> tuple[dict[str, Any], Callable[[], bool]]:
        name, old, new = files.new_name(), dying.content("old", 70_000), dying.content("new", SIZE)
        files.do(do="upload", name=name, seed="old", size=len(old))

        def is_done() -> bool:
            content = files.content(name)
            assert content in {old, new}
            return content == new

        order = {"do": "upload", "name": name, "seed": "new", "size": SIZE}
        return order | {"etag": files.etag(name)}, is_done

    assert killed_at_each_step(files, every, arrange) >= (40 if every else 6)


@every_step
def test_a_deletion(new_files: Callable[..., Files], every: bool) -> None:
    files = new_files()

    def arrange() -> tuple[dict[str, Any], Callable[[], bool]]:
        name, old = files.new_name(), dying.content("old", 70_000)
        files.do(do="upload", name=name, seed="old", size=len(old))

        def is_done() -> bool:
            content = files.content(name)
            assert content in {None, old}
            return content is None

        return {"do": "delete", "name": name}, is_done

    assert killed_at_each_step(files, every, arrange) >= (8 if every else 1)


@every_step
def test_a_move(new_files: Callable[..., Files], every: bool) -> None:
    files = new_files()

    def arrange() -> tuple[dict[str, Any], Callable[[], bool]]:
        name, destination, old = files.new_name(), files.new_name(), dying.content("old", 70_000)
        files.do(do="upload", name=name, seed="old", size=len(old))

        def is_done() -> bool:
            both = [files.content(name), files.content(destination)]
            assert both in ([old, None], [None, old])
            return both[0] is None

        return {"do": "move", "name": name, "destination": destination}, is_done

    assert killed_at_each_step(files, every, arrange) >= (8 if every else 1)


@pytest.mark.long
@every_step
def test_the_reaper(new_files: Callable[..., Files], every: bool) -> None:
    """Of a file that was deleted, an upload that was given up, and one that is about to be."""
    files = new_files()
    kept = files.new_name()
    files.do(do="upload", name=kept, seed="kept", size=SIZE)
    for at in count(1):
        name, cut = files.new_name(), files.new_name()
        upload = {"do": "upload", "name": cut, "seed": "new", "size": SIZE}
        assert files.killed(upload, 3, every=False)
        files.age()
        Reaper(files.services.database, files.services.object_store).reap()
        assert files.killed(upload | {"name": files.new_name()}, 3, every=False)
        files.do(do="upload", name=name, seed="old", size=PART + 5)
        files.do(do="delete", name=name)
        files.age()
        if not files.killed({"do": "reap"}, at, every=every):
            break
        files.require_agreement()
        assert files.content(kept) == dying.content("kept", SIZE)
        assert files.content(name) is files.content(cut) is None
        files.require_nothing_left()  # the next one goes on where this one was
    assert at > (25 if every else 4)
    files.require_nothing_left()
