"""A service that only tests have, and the guards before it: both note what happens to them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from service.kernel.call import Call
from service.kernel.errors import PermissionDenied, Unauthenticated
from service.kernel.principal import Principal
from service.kernel.reasons import ErrorReason
from service.transport.methods import Method
from service.transport.watching import watches
from tests.support.protos import compiled

_PROTO = Path(__file__).with_name("trial.proto")
_FILE = compiled(_PROTO.read_text(), name="gatehouse/trial/v1/trial_service.proto")
TRIAL: ServiceDescriptor = _FILE.services_by_name["TrialService"]
Ask = GetMessageClass(_FILE.message_types_by_name["Ask"])
Answer = GetMessageClass(_FILE.message_types_by_name["Answer"])
ADA = [("authorization", "Bearer ada")]


class NoSuchToken(Unauthenticated):
    reason = ErrorReason.TOKEN_INVALID


class NotAllowed(PermissionDenied):
    reason = ErrorReason.PERMISSION_MISSING


class Seen:
    """One call as the observer saw it end."""

    def __init__(self, call: Call, code: grpc.StatusCode, seconds: float) -> None:
        self.call, self.code, self.seconds = call, code, seconds


class Trial:
    """The guards and the servicer in one: notes each step, does what a test tells it to."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forgets everything; who is called ada may do anything, and is answered."""
        self.steps: list[str] = []
        self.finished: list[Seen] = []
        self.counts = {"started": 0, "received": 0, "sent": 0}
        self.calls: list[Call] = []
        self.allowed = True
        self.limit: Exception | None = None
        self.serve: Callable[..., Any] = lambda request, call: Answer(text=request.name)
        self.serve_many: Callable[..., Any] = lambda request, call: iter([Answer(text="1")])

    def verify(self, token: str) -> Principal:
        self.steps.append(f"authenticate {token}")
        if token != "ada":
            raise NoSuchToken("No such token.")
        now = datetime.now(UTC)
        return Principal("users/ada", "sessions/1", "t", frozenset({"*"}), now, now)

    def refuse_revoked(self, principal: Principal) -> None:
        self.steps.append(f"still {principal.subject}")

    def take(self, subject: str) -> None:
        self.steps.append(f"throttle {subject}")
        if self.limit:
            raise self.limit

    def require(self, principal: Principal, *, scope: str, permission: str, path: str) -> None:
        self.steps.append(f"authorize {scope} {permission} {path}".rstrip())
        if not self.allowed:
            raise NotAllowed("You may not.")

    def observe(self, method: Method) -> "Trial":
        return self

    def started(self) -> None:
        self.counts["started"] += 1

    def received(self) -> None:
        self.counts["received"] += 1

    def sent(self) -> None:
        self.counts["sent"] += 1

    def finish(self, call: Call, code: grpc.StatusCode, seconds: float) -> None:
        self.finished.append(Seen(call, code, seconds))

    def _one(self, request: Any, call: Call) -> Any:
        self.steps.append("serve")
        self.calls.append(call)
        return self.serve(request, call)

    Open = Known = One = Gather = _one

    def _many(self, request: Any, call: Call) -> Any:
        self.steps.append("serve")
        self.calls.append(call)
        return self.serve_many(request, call)

    Many = _many

    @watches
    def Watch(self, request: Any, call: Call, outbox: Any) -> None:
        self.steps.append("serve")
        self.serve(request, outbox)


class Observer:
    """The trial under the names that observers have."""

    def __init__(self, trial: Trial) -> None:
        self.started, self.received, self.sent = trial.started, trial.received, trial.sent
        self.finished = trial.finish
