"""The tokens of the person at this machine: one file for each server, that only they may read."""

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import time
from types import FrameType
from urllib.parse import quote

from gatehouse.auth.v1.tokens_pb2 import Tokens

_EARLY = 30.0


@dataclass(frozen=True, slots=True)
class Kept:
    """The tokens of a session. Times are seconds since the epoch on this machine's clock."""

    session: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    issued: float
    expires: float

    @property
    def fresh(self) -> bool:
        """Whether the access token lives a little longer; a clock set back leaves none fresh."""
        early = min(_EARLY, (self.expires - self.issued) / 5)
        return self.issued <= time() < self.expires - early


class KeptTokens:
    """The tokens for one server. Two commands at once never use a refresh token both."""

    def __init__(self, folder: Path, server: str) -> None:
        self._path = folder / f"{quote(server, safe='')}.json"

    def read(self) -> Kept | None:
        """The tokens, None for who has not signed in. Raises OSError."""
        try:
            return Kept(**json.loads(self._path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            return None  # of another version, or damaged: as good as none

    def current(self, refresh: Callable[[str], Tokens]) -> Kept | None:
        """The tokens, refreshed where they must be. Raises OSError and what `refresh` raises.

        The answer to a refresh is on the disk before anyone else reads the file or Ctrl-C ends us:
        a refresh token that is used twice counts as stolen.
        """
        kept = self.read()
        if kept is None or kept.fresh:
            return kept
        with self._locked(), _uninterrupted():
            kept = self.read()  # another command may have refreshed while we waited
            if kept is None or kept.fresh:
                return kept
            return self._write(refresh(kept.refresh_token))

    def keep(self, tokens: Tokens) -> None:
        """Keeps the tokens of a new session. Raises OSError."""
        with self._locked():
            self._write(tokens)

    def forget(self, session: str) -> None:
        """Drops the tokens of that session. Raises OSError."""
        with self._locked():
            kept = self.read()
            if kept is not None and kept.session == session:
                self._path.unlink()

    def _write(self, tokens: Tokens) -> Kept:
        now = time()
        kept = Kept(
            session=tokens.session,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            issued=now,
            expires=now + tokens.expires_in,
        )
        new = self._path.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(kept), file)
            file.flush()
            os.fsync(descriptor)
        new.replace(self._path)
        return kept

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time. The lock's file stays: removing it would let two hold it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def state_folder(environ: Mapping[str, str]) -> Path:
    """Where tokens are kept (XDG Base Directory Specification)."""
    given = environ.get("XDG_STATE_HOME", "")
    # A relative one is invalid, and to be ignored.
    base = Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
    return base / "gatehouse"


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Has Ctrl-C wait until the block is done."""
    pressed = False

    def remember(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True

    before = None
    with suppress(ValueError):  # only the main thread hears of Ctrl-C
        before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
