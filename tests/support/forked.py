"""The `gatehouse` command in processes of its own that need not import it first.

Importing is most of what a command does. Run as a program this imports what commands need, once,
and forks for each command that it is asked for, which has its own process, environment, streams
and end. What only a fresh interpreter shows, such as an import that is missing, is not seen here:
those that are started with `subprocess` show it.
"""

import atexit
import gc
import json
import os
import pkgutil
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import service.cli
from service.cli.main import main

# What commands import when they run, besides modules of `service.cli`.
_IMPORTED = (
    *("service.embedded", "service.serving", "service.wiring"),
    *("argon2", "grpc._channel", "passlib.handlers.argon2", "passlib.handlers.bcrypt"),
    *("typer._adapters", "valkey"),
)
_NUMBER = struct.Struct("!i")


class Forked:
    """A command that runs or has run: as much of `subprocess.Popen` as tests use."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        env: dict[str, str],
        stdin: Any = subprocess.PIPE,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
        start_new_session: bool = False,
    ) -> None:
        self.returncode: int | None = None
        self._arguments = [str(it) for it in arguments]
        with_child: list[int] = []
        self.stdin = _stream(stdin, "w", with_child)
        self.stdout = _stream(stdout, "r", with_child)
        self.stderr = _stream(stderr, "r", with_child)
        self._told, its_end = socket.socketpair()
        order = {"arguments": self._arguments, "env": env, "session": start_new_session}
        with its_end:
            _forker.order(order | {"cwd": str(Path.cwd())}, [its_end.fileno(), *with_child])
        for descriptor in with_child:
            os.close(descriptor)
        self.pid = self._hear()

    def poll(self) -> int | None:
        """How it ended, if it has."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or the signal that ended it, negative."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = self._hear()
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self._arguments, timeout or 0) from None
            self._told.close()
        return self.returncode

    def communicate(self, typed: str = "", timeout: float | None = None) -> tuple[str, str]:
        """Types into it; what it says until it ends."""
        with ThreadPoolExecutor(2) as threads:
            out, err = (threads.submit(it.read if it else str) for it in (self.stdout, self.stderr))
            if self.stdin is not None:
                self.stdin.write(typed)
                self.stdin.close()
            try:
                self.wait(timeout)
            except BaseException:
                self.kill()
                raise
        return out.result(), err.result()

    def send_signal(self, number: int) -> None:
        """Sends it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> "Forked":
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()

    def _hear(self) -> int:
        said = self._told.recv(_NUMBER.size)
        assert said, "whoever forks has ended"
        number: int = _NUMBER.unpack(said)[0]
        return number


def run(arguments: Sequence[str | Path], **given: Any) -> "Forked | subprocess.Popen[str]":
    """Runs `gatehouse`; its first argument is what it is called.

    Forked, unless coverage is measured, which sees only processes that are started anew.
    """
    if "COVERAGE_PROCESS_CONFIG" not in os.environ:
        return Forked(arguments, **given)
    anew = [sys.executable, "-c", "from service.cli.main import main; main()"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([*anew, *arguments[1:]], text=True, **(pipes | given))


class _Forker:
    """The process that forks; it is there from its first use to the end of this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: socket.socket | None = None

    def order(self, order: dict[str, Any], descriptors: Sequence[int]) -> None:
        whole = json.dumps(order).encode()
        with self._lock:
            if self._orders is None:
                self._orders = self._start()
            socket.send_fds(self._orders, [_NUMBER.pack(len(whole))], descriptors)
            self._orders.sendall(whole)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __spec__.name, str(theirs.fileno())],
                cwd=Path(__file__).parents[2],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        return ours


_forker = _Forker()


def _stream(given: Any, mode: str, with_child: list[int]) -> IO[str] | None:
    """Our side of one of its streams, if we have one; the other side is put with the child."""
    if given == subprocess.PIPE:
        reading, writing = os.pipe()
        ours, theirs = (reading, writing) if mode == "r" else (writing, reading)
        with_child.append(theirs)
        return os.fdopen(ours, mode)
    if given == subprocess.DEVNULL:
        with_child.append(os.open(os.devnull, os.O_RDWR))
    else:
        with_child.append(os.dup(given if isinstance(given, int) else given.fileno()))
    return None


def _main(orders: socket.socket) -> None:
    at_first = dict(os.environ)
    commands = (f"service.cli.{it.name}" for it in pkgutil.iter_modules(service.cli.__path__))
    for name in (*commands, *_IMPORTED):
        import_module(name)
    set_by_imports = {k: v for k, v in os.environ.items() if k not in at_first}
    assert threading.active_count() == 1, "none of its threads would be there after a fork"
    gc.freeze()  # or the first collection of each would write to, and so copy, all of it
    order, descriptors = _next_to_be(orders)
    _become(order, descriptors, set_by_imports)
    code = 1
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as an interpreter does
        traceback.print_exc()
    finally:
        _end(code)


def _end(code: int) -> None:
    """As an interpreter ends, but for taking down, one by one, what it has imported."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _next_to_be(orders: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Forks for each order. Returns in the children alone."""
    running: dict[int, socket.socket] = {}
    woken, waking = socket.socketpair()
    waking.setblocking(False)
    woken.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    with selectors.DefaultSelector() as selector:
        selector.register(orders, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            if woken in ready:
                woken.recv(4096)
                _tell_of_ends(running)
            if orders not in ready:
                continue
            said, descriptors, _, _ = socket.recv_fds(orders, _NUMBER.size, 4)
            if not said:
                os._exit(0)
            whole = b""
            while len(whole) < _NUMBER.unpack(said)[0]:
                whole += orders.recv(_NUMBER.unpack(said)[0] - len(whole))
            pid = os.fork()
            if not pid:
                return json.loads(whole), descriptors[1:]
            running[pid] = socket.socket(fileno=descriptors[0])
            running[pid].sendall(_NUMBER.pack(pid))
            for descriptor in descriptors[1:]:
                os.close(descriptor)


def _tell_of_ends(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as told, suppress(BrokenPipeError):  # if nobody wants to know it
            told.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _become(order: dict[str, Any], descriptors: list[int], set_by_imports: dict[str, str]) -> None:
    """Makes this the process that it would be had it been started."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order["session"]:
        os.setsid()
    for at, descriptor in enumerate(descriptors):
        os.dup2(descriptor, at)
    os.closerange(3, 4096)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(set_by_imports | order["env"])
    for at, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        was = getattr(sys, name)
        new = open(at, mode, encoding=was.encoding, errors=was.errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv = order["arguments"]


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
