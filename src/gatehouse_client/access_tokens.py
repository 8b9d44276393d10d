"""Where a channel's access tokens come from, and when they are replaced."""

import random
import threading
from collections.abc import Callable
from time import monotonic
from typing import Protocol

import grpc
from gatehouse.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from gatehouse.auth.v1.tokens_pb2 import Tokens

from gatehouse_client.credentials import ApiKey, Credentials, Password, TokenFile
from gatehouse_client.pauses import pause

# A token is replaced after some three quarters of its life, each client at its own time.
_REPLACED = (0.7, 0.8)
# It is not sent in its last seconds, or it would expire on its way. The first of them is lost by
# Gatehouse counting in whole ones.
_MARGIN = 5.0
# Seconds after a failure until the next attempt.
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
# A server that refuses a token this young will refuse the next as well.
_YOUNG = 5.0


class AccessTokens(Protocol):
    """Gives the token for the next call. Safe to use from any thread."""

    def ready(self) -> str | None:
        """The token if it is at hand; never waits for the network."""

    def current(self) -> str:
        """The token, waited for where it must be. Raises what getting it raised."""

    def refused(self, token: str) -> bool:
        """Hears that Gatehouse refused the token; answers whether another is worth a try."""


class Given:
    """Tokens that the caller of `connect` sees to."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def ready(self) -> str | None:
        """Asks before each call."""
        return self._token()

    def current(self) -> str:
        """Asks before each call."""
        return self._token()

    def refused(self, token: str) -> bool:
        """Nothing can be done about it here."""
        return False


class Kept:
    """The token in a file."""

    def __init__(self, file: TokenFile) -> None:
        self._path = file.path
        self._read: tuple[tuple[int, int, int], str] | None = None

    def ready(self) -> str | None:
        """Reading a small file is no wait."""
        return self.current()

    def current(self) -> str:
        """The token in the file; the last one read while the file is gone or empty.

        Raises OSError, and ValueError for an empty file, when nothing was read yet.
        """
        read = self._read
        try:
            found = self._path.stat()
            version = (found.st_mtime_ns, found.st_ino, found.st_size)
            if read is None or read[0] != version:
                token = self._path.read_text("utf-8").strip()
                if not token:
                    raise ValueError(f"{self._path} holds no token")
                self._read = read = (version, token)
        except (OSError, ValueError):
            if read is None:
                raise
        return read[1]

    def refused(self, token: str) -> bool:
        """Whether the file holds another by now."""
        return self.current() != token


class Obtained:
    """Tokens got from Gatehouse, one request for them at a time, whoever waits.

    They are replaced ahead of their end, in a thread that lives as long as that takes, when a call
    asks for one. If that fails, the token stays in use until its end, and it is tried again, at
    growing intervals. After the end the failure is what callers get.
    """

    def __init__(self, credentials: Password | ApiKey, service: AuthServiceStub) -> None:
        self._obtain = credentials.obtain
        self._service = service
        self._tokens: Tokens | None = None
        self._obtained = self._replace_at = self._ends = 0.0
        self._failure: BaseException | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._obtaining = False
        self._done = threading.Condition()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def ready(self) -> str | None:
        """The token, if there is a good one; sees to its replacement."""
        with self._done:
            return self._look()

    def current(self) -> str:
        """The token. Raises grpc.RpcError when there is none and none can be got."""
        with self._done:
            while (token := self._look()) is None:
                if not self._obtaining and self._failure is not None:
                    # Callers share it; each adds its own traceback only.
                    raise self._failure.with_traceback(None)
                self._done.wait()
            return token

    def refused(self, token: str) -> bool:
        """Another is worth a try unless this is the newest and was just made."""
        with self._done:
            if self._tokens is None or self._tokens.access_token != token:
                return True
            if monotonic() - self._obtained < _YOUNG:
                return False
            self._replace_at = self._ends = 0.0
            return True

    def _look(self) -> str | None:
        now = monotonic()
        if now >= self._replace_at and now >= self._retry_at and not self._obtaining:
            threading.Thread(target=self._replace, name="gatehouse-token", daemon=True).start()
            self._obtaining = True
        return self._tokens.access_token if self._tokens and now < self._ends else None

    def _replace(self) -> None:
        began = monotonic()
        try:
            tokens = self._obtain(self._service, self._tokens)
            with self._done:
                self._succeeded(tokens, began)
        except BaseException as error:  # noqa: BLE001 - it is raised where the token is needed
            with self._done:
                self._failed(error)
        finally:
            # Whatever has happened: who waits for the token would wait for ever.
            with self._done:
                self._obtaining = False
                self._done.notify_all()

    def _succeeded(self, tokens: Tokens, began: float) -> None:
        life = tokens.expires_in - min(_MARGIN, 1.0 + tokens.expires_in / 10)
        self._tokens = tokens
        self._obtained = began
        self._replace_at = began + life * random.uniform(*_REPLACED)  # noqa: S311 - jitter
        self._ends = began + life
        self._failure, self._failures, self._retry_at = None, 0, 0.0

    def _failed(self, error: BaseException) -> None:
        self._failure = error
        self._retry_at = monotonic() + pause(_FIRST_PAUSE, _LONGEST_PAUSE, self._failures)
        self._failures += 1


def token_source(channel: grpc.Channel, credentials: Credentials) -> Callable[[], str]:
    """Gives an access token whenever it is called, for calls to services that take Gatehouse's.

    `channel` leads to Gatehouse. Tokens are got and replaced as `connect` does it for its own
    calls. What is answered raises grpc.RpcError when there is no token and none can be got, and for
    a `TokenFile` OSError and ValueError. Safe to call from any thread.
    """
    return tokens_for(credentials, channel).current


def tokens_for(credentials: Credentials, channel: grpc.Channel) -> AccessTokens:
    """The tokens that the credentials give; `channel` is asked for them."""
    if isinstance(credentials, TokenFile):
        return Kept(credentials)
    return Obtained(credentials, AuthServiceStub(channel))
