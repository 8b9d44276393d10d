"""What is done to files, in a process that kills itself at the n-th step of it.

Run as a program it imports everything once, and forks for each order that it reads: a JSON object a
line, answered by the exit code, -9 for killed. A step is what puts, settles or deletes in the store
or commits, and the moment after; where `every` is asked for also each statement and each call that
changes a disk.
"""

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Engine, event

from service.files import contents
from service.files.models import Header
from service.files.reaping import Reaper
from service.kernel.call import Call, Replay, RequestKey
from service.kernel.crypto import KeyRing
from service.kernel.principal import Principal
from service.ops.metrics import Instruments, ServiceMetrics, create_registry
from service.settings import Settings
from service.storage.database import Tx
from service.storage.objects import ObjectStore
from service.wiring import Services, Stores

CHUNK = 16 * 1024
PART = 64 * 1024  # instead of 4 MiB, which take their time
_DISK = ("open", "write", "fsync", "rename", "mkdir", "rmdir", "unlink")


def content(seed: str, size: int) -> bytes:
    """The same bytes for the same seed."""
    return random.Random(seed).randbytes(size)


def call(method: str, request_id: str = "") -> Call:
    """A call of Ada's; with a request id it is answered once."""
    now = datetime.now(UTC)
    caller = Principal("users/ada", "sessions/1", "t", frozenset({"*"}), now, now)
    made = Call("test", method=method, caller=caller, pack=lambda committed: b"answered")
    if request_id:
        digest = sha256(method.encode()).digest()
        made.key = RequestKey("users/ada", request_id, digest)
    return made


def services(settings: Settings, stores: Stores) -> Services:
    """The use cases, in which everybody may do anything."""
    made = Services(settings, stores, ServiceMetrics(Instruments(create_registry())))
    made.access.require = lambda *_, **__: None  # type: ignore[method-assign]
    return made


def do(made: Services, order: dict[str, Any]) -> None:
    """Does what is ordered, or finds it done."""
    what, name, request_id = order["do"], order.get("name", ""), order.get("request_id", "")
    try:
        if what == "reap":
            Reaper(made.database, made.object_store).reap()
        elif what == "delete":
            made.files.delete(call("delete", request_id), name)
        elif what == "move":
            made.files.move(call("move", request_id), name, order["destination"])
        else:
            whole = content(order["seed"], order["size"])
            chunks = (whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK))
            header = Header(name, etag=order.get("etag", ""))
            made.uploads.upload(call("upload", request_id), header, chunks)
    except Replay:
        pass


class _Steps:
    def __init__(self, last: int, *, every: bool) -> None:
        self._left = last
        self._every = every

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()  # it may be another thread that dies first

    def around(self, owner: Any, name: str) -> None:
        """A step after it, and maybe one before."""
        really: Callable[..., Any] = getattr(owner, name)

        def stepping(*args: Any, **kwargs: Any) -> Any:
            if self._every:
                self.step()
            answer = really(*args, **kwargs)
            self.step()
            return answer

        setattr(owner, name, stepping)


def _die_on_the_way(last: int, *, every: bool) -> None:
    steps = _Steps(last, every=every)
    for name in ("put", "settle", "delete"):
        steps.around(ObjectStore, name)
    steps.around(Tx, "commit")
    if every:
        event.listen(Engine, "commit", lambda _connection: steps.step())
        event.listen(Engine, "before_cursor_execute", lambda *_: steps.step())
        for name in _DISK:
            steps.around(os, name)


def _main() -> None:
    for line in sys.stdin:
        if pid := os.fork():
            _, status = os.waitpid(pid, 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()
            continue
        code = 1
        try:
            order = json.loads(line)
            database_url, redis_url, ring_key, file_store, encryption = order["stores"]
            made = services(
                Settings(file_store_url=file_store, file_encryption=encryption),
                Stores(database_url, redis_url, KeyRing([ring_key.encode()])),
            )
            _die_on_the_way(order["at"], every=order["every"])
            do(made, order)
            code = 0
        except Exception:  # noqa: BLE001 - whatever it was, the order has failed
            traceback.print_exc()
        finally:
            os._exit(code)


if __name__ == "__main__":
    contents.PART = PART
    _main()
