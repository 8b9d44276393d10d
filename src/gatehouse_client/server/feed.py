"""WatchRevocations followed: what to refuse, and whether what is remembered may be believed."""

import logging
import threading
from collections.abc import Callable, Iterable
from time import monotonic, time

import grpc
from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from gatehouse.auth.v1.tokens_pb2 import Revocation

from gatehouse_client.pauses import pause
from gatehouse_client.refusal import Refusal
from gatehouse_client.server import refusals
from gatehouse_client.server.caller import Caller
from gatehouse_client.server.streams import names_of

log = logging.getLogger("gatehouse_client")

# Gatehouse sends a beat every second, while it can read its own database. After five seconds
# without one, somebody may have been revoked unknown to us: from then on nobody is let in.
TRUST = 5.0
# How long the first calls wait for the first word from Gatehouse, when a service has just started.
_FIRST_WORD = 5.0
# Seconds until the next attempt to connect.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
# Revocations are kept a little longer than Gatehouse says, should our clock be ahead of its.
_CLOCKS_DIFFER = 300.0


class RevocationFeed:
    """Follows revocations in a thread of its own, and starts again wherever it is cut off."""

    def __init__(
        self,
        service: AuthServiceStub,
        *,
        on_revision: Callable[[], None],
        on_revoked: Callable[[Iterable[str]], None],
    ) -> None:
        self._service = service
        self._on_revision = on_revision
        self._on_revoked = on_revoked
        self._until: dict[str, float] = {}
        self._cursor = ""
        self._call: grpc.Call | None = None
        self._begun = threading.Event()
        self._patient_until = monotonic() + _FIRST_WORD
        self._heard = self._tried = -TRUST
        self._failures = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gatehouse-feed", daemon=True)
        self.revision = ""

    def start(self) -> None:
        """Starts following."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stopping.set()
        if self._call is not None:
            self._call.cancel()

    @property
    def begun(self) -> bool:
        """Whether Gatehouse was ever heard."""
        return self._begun.is_set()

    @property
    def believed(self) -> bool:
        """Whether Gatehouse was heard within the last `TRUST` seconds."""
        return monotonic() - self._heard < TRUST

    def wait(self) -> None:
        """Returns once Gatehouse was heard, or five seconds after the start."""
        self._begun.wait(max(0.0, self._patient_until - monotonic()))

    def require_belief(self) -> None:
        """Raises Refused when Gatehouse has not been heard lately."""
        if not self.believed:
            raise refusals.unreachable()

    def refuse(self, caller: Caller) -> None:
        """Raises Refused for who was revoked, and for all when Gatehouse has not been heard."""
        self.require_belief()
        if not self._until.keys().isdisjoint(names_of(caller)):
            raise refusals.session_revoked()

    def end_if_silent(self) -> None:
        """Starts again where a connection is dead and nobody has said so."""
        call, since = self._call, max(self._heard, self._tried)
        if call is not None and monotonic() - since > TRUST:
            call.cancel()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                self._warn(logging.WARNING, f"{type(error).__name__}: {error}")
            self._stopping.wait(pause(_FIRST_PAUSE, _LONGEST_PAUSE, self._failures))
            self._failures += 1

    def _follow(self) -> None:
        self._tried = monotonic()
        try:
            call = self._service.WatchRevocations(pb.WatchRevocationsRequest(cursor=self._cursor))
            self._call = call
            if self._stopping.is_set():
                call.cancel()
            for message in call:
                self._take(message)
        except grpc.RpcError as error:
            self._lost(Refusal.of(error))

    def _take(self, message: pb.WatchRevocationsResponse) -> None:
        names = [_name(one) for one in message.revocations]
        if names:
            now = time()
            kept = {name: until for name, until in self._until.items() if until > now}
            for one, name in zip(message.revocations, names, strict=True):
                kept[name] = one.expire_time.ToNanoseconds() / 1e9 + _CLOCKS_DIFFER
            self._until = kept
            self._on_revoked(names)
        if message.revision != self.revision:
            self.revision = message.revision
            self._on_revision()
        self._cursor = message.cursor
        if not self.believed:
            log.info("Gatehouse is heard")
        # Last: until now nobody was let in on the ground of what this message has changed.
        self._heard = monotonic()
        self._failures = 0
        self._begun.set()

    def _lost(self, refusal: Refusal) -> None:
        if refusal.code in {
            grpc.StatusCode.FAILED_PRECONDITION,
            grpc.StatusCode.INVALID_ARGUMENT,
        }:
            # Another history, or a cursor that is no good there. What was revoked stays so.
            self._cursor = ""
        expected = {"ERROR_REASON_TOKEN_EXPIRED", "ERROR_REASON_SHUTTING_DOWN"}
        level = logging.DEBUG if refusal.reason in expected else logging.WARNING
        self._warn(level, f"{refusal.code.name} {refusal.reason or refusal.message}")

    def _warn(self, level: int, why: str) -> None:
        """Once for each time that Gatehouse is lost, not with every attempt."""
        if not self._failures and not self._stopping.is_set():
            log.log(level, "revocations are not followed: %s", why)


def _name(revocation: Revocation) -> str:
    return revocation.session or revocation.subject or revocation.token_id
