"""A service of somebody else's, protected: who is let in, who is not, and what happens when
Gatehouse cannot be heard. Every test holds for `grpc.server` and `grpc.aio.server`."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import pytest
from gatehouse.access.v1.access_service_pb2_grpc import add_AccessServiceServicer_to_server
from gatehouse.auth.v1.auth_service_pb2_grpc import add_AuthServiceServicer_to_server
from gatehouse.auth.v1.tokens_pb2 import Revocation
from google.protobuf.wrappers_pb2 import StringValue

from gatehouse_client import Refusal, connect
from gatehouse_client.server import (
    AioAuthInterceptor,
    Authenticated,
    AuthInterceptor,
    Permission,
    Public,
    Rule,
    aio_interceptor,
    decisions,
    feed,
    verification,
)
from tests.support.waiting import wait_until
from tests.unit.client.small_gatehouse import (
    ADA,
    AUDIENCE,
    ISSUER,
    SmallGatehouse,
    new_key,
    token,
)
from tests.unit.client.trial_service import (
    KINDS,
    SERVICE,
    Trial,
    TrialClient,
    served,
    served_aio,
    text,
)

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT

READ = Permission("notes.read", "/notes/{value}", scope="notes:read")
RULES: dict[str, Rule] = {
    f"/{SERVICE}/Ask": READ,
    f"/{SERVICE}/Listen": READ,
    f"/{SERVICE}/Tell": READ,
    f"/{SERVICE}/Talk": READ,
    f"/{SERVICE}/ReadAndWrite": READ,
    f"/{SERVICE}/Open": Public(),
    f"/{SERVICE}/Whoever": Authenticated(),
}
GUARDED = [name for name, kind in KINDS.items() if RULES.get(f"/{SERVICE}/{name}") is READ]


@dataclass
class Protected:
    """The service, its client with a good token, and the Gatehouse behind it."""

    gatehouse: SmallGatehouse
    trial: Trial
    client: TrialClient
    guard: Any


@pytest.fixture
def gatehouse() -> SmallGatehouse:
    made = SmallGatehouse()
    made.allow("notes.read", "/notes/a")
    made.allow("notes.read", "/notes/wait")
    return made


@pytest.fixture(params=["sync", "aio"])
def protect(
    gatehouse: SmallGatehouse, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    """Serves the trial service under other rules."""
    running = grpc.server(ThreadPoolExecutor(16))
    add_AuthServiceServicer_to_server(gatehouse, running)
    add_AccessServiceServicer_to_server(gatehouse, running)
    address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()

    @contextmanager
    def begin(rules: dict[str, Rule]) -> Iterator[Protected]:
        trial = Trial()
        with connect(address, token=lambda: "the service's own", deadline=None) as channel:
            given = {"issuer": ISSUER, "audience": AUDIENCE}
            guard: Any
            if request.param == "sync":
                guard = AuthInterceptor(channel, rules, **given)
                serving = served(trial, guard)
            else:
                guard = AioAuthInterceptor(channel, rules, **given)
                serving = served_aio(trial, guard)
            with serving as ours, grpc.insecure_channel(ours) as to_ours:
                client = TrialClient(to_ours, gatehouse.token())
                yield Protected(gatehouse, trial, client, guard)
            guard.close()

    yield begin
    gatehouse.hold.set()
    running.stop(None).wait()


@pytest.fixture
def protected(protect: Callable[..., Any]) -> Iterator[Protected]:
    with protect(RULES) as made:
        wait_until(lambda: made.guard._authorizer._feed.begun, "the first word")
        yield made


def refusal_of(call: Callable[[], Any]) -> Refusal:
    """Why a call is refused; a stream is read to its end."""
    try:
        answered = call()
        if not hasattr(answered, "value"):
            list(answered)
    except grpc.RpcError as error:
        return Refusal.of(error)
    raise AssertionError("nothing was refused")


def reason_of(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    refusal = refusal_of(call)
    return refusal.code, refusal.reason.removeprefix("ERROR_REASON_")


@pytest.mark.parametrize("method", GUARDED)
def test_who_may_is_let_in_and_known_to_the_handler(protected: Protected, method: str) -> None:
    answers = protected.client.answers(method, "a")
    assert set(answers) == {f"{ADA} a"}
    [check] = protected.gatehouse.checks
    assert (check.subject, check.permission, check.path) == (ADA, "notes.read", "/notes/a")


@pytest.mark.parametrize("method", ["Tell", "Talk", "ReadAndWrite"])
def test_a_stream_reaches_the_handler_whole(protected: Protected, method: str) -> None:
    said = [it.removeprefix(f"{ADA} ") for it in protected.client.answers(method, "a", "b", "c")]
    assert " ".join(said) == "a b c"


@pytest.mark.parametrize("method", GUARDED)
def test_who_may_not_is_refused_before_the_handler(protected: Protected, method: str) -> None:
    refusal = refusal_of(lambda: protected.client.call(method, "b"))
    assert refusal.code is PERMISSION_DENIED
    assert refusal.reason == "ERROR_REASON_PERMISSION_MISSING"
    assert refusal.metadata == {"permission": "notes.read", "path": "/notes/b"}
    assert refusal.request_id
    assert protected.trial.handled == []


@pytest.mark.parametrize("method", GUARDED)
@pytest.mark.parametrize("metadata", [[], [("authorization", "x")], [("authorization", "Bearer ")]])
def test_without_a_token_nobody_is_let_in(
    protected: Protected, method: str, metadata: list[tuple[str, str]]
) -> None:
    call = partial(protected.client.call, method, "a", metadata=metadata)
    assert reason_of(call) == (UNAUTHENTICATED, "TOKEN_MISSING")


def test_two_tokens_are_none(protected: Protected) -> None:
    good = ("authorization", f"Bearer {protected.gatehouse.token()}")
    call = partial(protected.client.call, "Ask", "a", metadata=[good, good])
    assert reason_of(call) == (UNAUTHENTICATED, "TOKEN_MISSING")


def test_a_method_that_is_not_listed_is_denied_to_everyone(protected: Protected) -> None:
    refused = reason_of(lambda: protected.client.call("Forgotten", "a"))
    assert refused == (PERMISSION_DENIED, "METHOD_NOT_LISTED")
    assert protected.trial.handled == []


def test_a_whole_service_can_be_listed(protect: Callable[..., Any]) -> None:
    with protect({f"/{SERVICE}/*": Authenticated()}) as protected:
        assert protected.client.answers("Forgotten", "x") == [f"{ADA} x"]


def test_a_public_method_takes_no_token_and_knows_no_caller(protected: Protected) -> None:
    assert protected.client.bearing("").answers("Open", "x") == ["nobody"]
    protected.client.answers("Whoever", "x")
    assert protected.client.bearing("").answers("Open", "x") == ["nobody"]


def test_calls_at_the_same_time_know_each_their_own_caller(protected: Protected) -> None:
    names = [f"users/{number}" for number in range(40)]
    clients = [protected.client.bearing(protected.gatehouse.token(sub=name)) for name in names]
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda client: client.answers("Whoever", "x"), clients)
        assert list(answers) == [[f"{name} x"] for name in names]


def test_an_authenticated_method_asks_no_permission(protected: Protected) -> None:
    assert protected.client.answers("Whoever", "x") == [f"{ADA} x"]
    assert protected.gatehouse.checks == []


@pytest.mark.parametrize("scope", ["", "notes:write", "other:read notes:write"])
def test_a_token_without_the_scope_is_refused(protected: Protected, scope: str) -> None:
    client = protected.client.bearing(protected.gatehouse.token(scope=scope))
    assert reason_of(lambda: client.call("Ask", "a")) == (PERMISSION_DENIED, "SCOPE_MISSING")
    assert protected.gatehouse.checks == []


def test_a_token_with_the_scope_is_enough(protected: Protected) -> None:
    client = protected.client.bearing(protected.gatehouse.token(scope="notes:read"))
    assert client.answers("Ask", "a") == [f"{ADA} a"]


FORGED: dict[str, Callable[[SmallGatehouse], str]] = {
    "another issuer": lambda it: it.token(iss="https://evil.test"),
    "another audience": lambda it: it.token(aud="elsewhere"),
    "another type": lambda it: it.token(headers={"typ": "JWT"}),
    "no type": lambda it: it.token(headers={"typ": None}),
    "a critical header": lambda it: it.token(headers={"crit": ["x"], "x": 1}),
    "another's key": lambda it: token(new_key(), headers={"kid": it.keys[0].id}),
    "an unknown key": lambda it: token(new_key()),
    "no key": lambda it: it.token(headers={"kid": ""}),
    "nonsense": lambda it: "nonsense",
    **{
        f"no {claim}": lambda it, claim=claim: it.token(without=claim)
        for claim in ("exp", "iss", "aud", "sub", "iat", "jti", "sid", "scope")
    },
    "no signature": lambda it: it.token().rpartition(".")[0] + ".",
    "an actor that is none": lambda it: it.token(act="x"),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_token_is_refused(protected: Protected, forged: str) -> None:
    client = protected.client.bearing(FORGED[forged](protected.gatehouse))
    assert reason_of(lambda: client.call("Whoever", "a")) == (UNAUTHENTICATED, "TOKEN_INVALID")
    assert protected.trial.handled == []


def test_an_expired_token_is_refused_and_so_is_one_that_expires_while_it_is_remembered(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = protected.client.bearing(protected.gatehouse.token(exp=1_700_000_000))
    assert reason_of(lambda: old.call("Whoever", "a")) == (UNAUTHENTICATED, "TOKEN_EXPIRED")
    protected.client.answers("Whoever", "a")
    now = verification.time()
    monkeypatch.setattr(verification, "time", lambda: now + 700)
    refused = reason_of(lambda: protected.client.call("Whoever", "a"))
    assert refused == (UNAUTHENTICATED, "TOKEN_EXPIRED")


def test_a_new_key_is_found(protected: Protected, monkeypatch: pytest.MonkeyPatch) -> None:
    protected.client.answers("Whoever", "a")
    monkeypatch.setattr(verification, "_RELOAD_AT_MOST_EVERY", 0.0)
    protected.gatehouse.keys.insert(0, new_key())
    client = protected.client.bearing(protected.gatehouse.token())
    assert client.answers("Whoever", "a") == [f"{ADA} a"]


def test_a_key_that_is_no_longer_published_verifies_nothing(protected: Protected) -> None:
    protected.client.answers("Whoever", "a")
    protected.gatehouse.keys[:] = [new_key()]
    protected.guard._authorizer._verifier.reload()
    refused = reason_of(lambda: protected.client.call("Whoever", "a"))
    assert refused == (UNAUTHENTICATED, "TOKEN_INVALID")


def test_many_tokens_with_unknown_keys_do_not_become_many_questions(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_RELOAD_AT_MOST_EVERY", 600.0)
    protected.client.answers("Whoever", "a")
    loads = protected.gatehouse.key_loads
    with ThreadPoolExecutor(8) as pool:
        clients = [protected.client.bearing(token(new_key())) for _ in range(50)]
        refused = pool.map(lambda it: reason_of(lambda: it.call("Whoever", "a")), clients)
        assert set(refused) == {(UNAUTHENTICATED, "TOKEN_INVALID")}
    assert protected.gatehouse.key_loads - loads <= 1


def test_keys_that_cannot_be_had_are_no_reason_to_call_a_token_forged(
    protected: Protected,
) -> None:
    protected.gatehouse.publishing = grpc.StatusCode.INTERNAL
    for _ in range(2):
        refused = reason_of(lambda: protected.client.call("Whoever", "a"))
        assert refused == (UNAVAILABLE, "GATEHOUSE_UNREACHABLE")


@pytest.mark.parametrize(
    "revoked",
    [
        Revocation(session="sessions/1"),
        Revocation(subject=ADA),
        Revocation(token_id="0198"),
    ],
)
def test_what_is_revoked_is_refused(protected: Protected, revoked: Revocation) -> None:
    client = protected.client.bearing(protected.gatehouse.token(jti="0198"))
    assert client.answers("Ask", "a") == [f"{ADA} a"]
    other = protected.client.bearing(
        protected.gatehouse.token(sid="sessions/2", sub="users/2", jti="0199")
    )
    protected.gatehouse.say(revoked)
    wait_until(lambda: protected.guard._authorizer._feed._until, "the news")
    for method in ("Ask", "Whoever"):
        refused = reason_of(partial(client.call, method, "a"))
        assert refused == (UNAUTHENTICATED, "SESSION_REVOKED")
    assert other.answers("Whoever", "a") == ["users/2 a"]


def test_what_was_revoked_before_we_came_is_refused(
    gatehouse: SmallGatehouse, protect: Callable[..., Any]
) -> None:
    gatehouse.first = [Revocation(session="sessions/1")]
    gatehouse.first[0].expire_time.FromSeconds(2**33)
    with protect(RULES) as protected:
        refused = reason_of(lambda: protected.client.call("Whoever", "a"))
        assert refused == (UNAUTHENTICATED, "SESSION_REVOKED")


def test_a_stream_ends_when_its_caller_is_revoked(protected: Protected) -> None:
    call = protected.client.call("Listen", "wait")
    assert next(call).value == f"{ADA} wait"
    assert protected.trial.going.wait(20)
    protected.gatehouse.say(Revocation(session="sessions/1"))
    refusal = refusal_of(lambda: call)
    assert refusal.code in {grpc.StatusCode.CANCELLED, UNAUTHENTICATED}
    assert protected.trial.over.wait(20), "its handler is told"
    wait_until(lambda: not protected.guard._authorizer.streams._ends, "its end")


def test_a_stream_that_waits_for_its_client_ends_as_well(protected: Protected) -> None:
    more = threading.Event()

    def messages() -> Iterator[StringValue]:
        yield text("a")
        more.wait(20)

    call = protected.client.call("Talk", messages())
    assert next(call).value == f"{ADA} a"
    protected.gatehouse.say(Revocation(subject=ADA))
    assert refusal_of(lambda: call).code in {grpc.StatusCode.CANCELLED, UNAUTHENTICATED}
    more.set()


def test_a_revoked_client_that_does_not_read_holds_nothing_up(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aio_interceptor, "_TO_BE_TAKEN", 0.02)
    protected.gatehouse.allow("notes.read", "/notes/flood")
    call = protected.client.call("Listen", "flood")
    assert protected.trial.going.wait(20)
    protected.gatehouse.say(Revocation(subject=ADA))
    wait_until(lambda: not protected.guard._authorizer.streams._ends, "the stream's end")
    assert refusal_of(lambda: call).code in {grpc.StatusCode.CANCELLED, UNAUTHENTICATED}


def test_streams_that_end_by_themselves_are_forgotten(protected: Protected) -> None:
    for method in ("Listen", "Tell", "Talk"):
        protected.client.answers(method, "a")
    wait_until(lambda: not protected.guard._authorizer.streams._ends, "their end")


def test_a_decision_is_remembered_until_the_revision_moves(protected: Protected) -> None:
    for _ in range(3):
        protected.client.answers("Ask", "a")
    assert len(protected.gatehouse.checks) == 1
    protected.gatehouse.allowed.clear()
    protected.gatehouse.say(revision="revision-1")
    wait_until(lambda: protected.guard._authorizer._feed.revision == "revision-1", "the news")
    refused = reason_of(lambda: protected.client.call("Ask", "a"))
    assert refused == (PERMISSION_DENIED, "PERMISSION_MISSING")
    second = protected.gatehouse.checks[1]
    assert second.consistency.at_least_as_fresh == "revision-1"


def test_a_beat_does_not_forget_decisions(protected: Protected) -> None:
    protected.client.answers("Ask", "a")
    protected.gatehouse.say()
    protected.gatehouse.say(Revocation(session="sessions/2"))
    wait_until(lambda: protected.guard._authorizer._feed._until, "the news")
    protected.client.answers("Ask", "a")
    assert len(protected.gatehouse.checks) == 1


def test_a_decision_that_was_overtaken_by_news_is_not_remembered(protected: Protected) -> None:
    protected.client.answers("Whoever", "a")
    protected.gatehouse.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(protected.client.answers, "Ask", "a")
        wait_until(lambda: protected.gatehouse.checks, "the question")
        protected.gatehouse.say(revision="revision-1")
        wait_until(lambda: protected.guard._authorizer._feed.revision == "revision-1", "the news")
        protected.gatehouse.hold.set()
        asked.result()
    protected.gatehouse.allowed.clear()
    assert reason_of(lambda: protected.client.call("Ask", "a"))[0] is PERMISSION_DENIED


def test_a_decision_is_not_remembered_for_long(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "_BELIEVED", 0.0)
    for _ in range(3):
        protected.client.answers("Ask", "a")
    assert len(protected.gatehouse.checks) == 3


def test_only_so_many_decisions_are_remembered(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "_REMEMBERED", 2)
    monkeypatch.setattr(verification, "_REMEMBERED", 2)
    for number in range(5):
        client = protected.client.bearing(protected.gatehouse.token())
        call = partial(client.call, "Ask", f"n{number}")
        assert reason_of(call)[0] is PERMISSION_DENIED
    assert len(protected.guard._authorizer._decisions._kept) == 2
    assert len(protected.guard._authorizer._verifier._verified) == 2


@pytest.mark.parametrize(
    "code",
    [
        UNAVAILABLE,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INTERNAL,
    ],
)
def test_no_decision_is_no_permission(protected: Protected, code: grpc.StatusCode) -> None:
    protected.gatehouse.checking = code
    refusal = refusal_of(lambda: protected.client.call("Ask", "a"))
    assert (refusal.code, refusal.reason) == (UNAVAILABLE, "GATEHOUSE_UNREACHABLE")
    assert refusal.retry_after == 1.0
    assert protected.trial.handled == []


def test_nobody_is_let_in_while_gatehouse_is_not_heard(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    protected.client.answers("Ask", "a")
    protected.gatehouse.watching = UNAVAILABLE
    now = feed.monotonic()
    monkeypatch.setattr(feed, "monotonic", lambda: now + feed.TRUST)
    for method in ("Ask", "Whoever", "Listen"):
        refused = reason_of(partial(protected.client.call, method, "a"))
        assert refused == (UNAVAILABLE, "GATEHOUSE_UNREACHABLE")
    assert protected.client.bearing("").answers("Open", "x") == ["nobody"]
    protected.gatehouse.watching = None
    protected.gatehouse.cut_off()
    wait_until(lambda: protected.guard._authorizer._feed.believed, "the word")
    assert protected.client.answers("Ask", "a") == [f"{ADA} a"]


def test_a_service_that_starts_without_gatehouse_lets_nobody_in(
    gatehouse: SmallGatehouse, protect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_FIRST_WORD", 0.05)
    gatehouse.watching = grpc.StatusCode.INTERNAL
    with protect(RULES) as protected:
        assert reason_of(lambda: protected.client.call("Whoever", "a"))[0] is UNAVAILABLE
        gatehouse.watching = None
        wait_until(lambda: protected.guard._authorizer._feed.believed, "the word")
        assert protected.client.answers("Whoever", "a") == [f"{ADA} a"]


def test_who_is_cut_off_resumes_where_it_was(protected: Protected) -> None:
    protected.gatehouse.say(Revocation(session="sessions/2"))
    wait_until(lambda: protected.guard._authorizer._feed._cursor == "cursor-1", "the news")
    protected.gatehouse.cut_off()
    wait_until(lambda: len(protected.gatehouse.cursors) == 2, "the next attempt")
    assert protected.gatehouse.cursors == ["", "cursor-1"]


def test_who_is_told_that_the_cursor_is_of_another_history_starts_over(
    protected: Protected,
) -> None:
    protected.gatehouse.say(Revocation(session="sessions/1"))
    wait_until(lambda: protected.guard._authorizer._feed._cursor == "cursor-1", "the news")
    protected.gatehouse.cut_off(grpc.StatusCode.FAILED_PRECONDITION)
    wait_until(lambda: len(protected.gatehouse.cursors) == 2, "the next attempt")
    assert protected.gatehouse.cursors == ["", ""]
    refused = reason_of(lambda: protected.client.call("Whoever", "a"))
    assert refused == (UNAUTHENTICATED, "SESSION_REVOKED")


def test_a_connection_that_says_nothing_is_given_up(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: protected.guard._authorizer._feed.believed, "the first word")
    monkeypatch.setattr(feed, "TRUST", 0.0)
    wait_until(lambda: len(protected.gatehouse.cursors) > 1, "another attempt")


@pytest.mark.parametrize("said", ["", "b/c", "..", ".", "a\nb", "x" * 1100])
def test_a_request_that_makes_no_path_is_told_so(protected: Protected, said: str) -> None:
    refusal = refusal_of(lambda: protected.client.call("Ask", said))
    assert (refusal.code, refusal.reason) == (INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELDS")
    assert [it.field for it in refusal.violations] == ["value"]
    assert protected.gatehouse.checks == []


def test_a_stream_without_a_first_message_is_refused(protected: Protected) -> None:
    assert reason_of(lambda: protected.client.call("Tell"))[0] is INVALID_ARGUMENT


def test_a_path_may_be_a_function_of_the_request(protect: Callable[..., Any]) -> None:
    rule = Permission("notes.read", lambda request: f"/notes/{int(request.value):x}")
    with protect({f"/{SERVICE}/Ask": rule}) as protected:
        assert protected.client.answers("Ask", "10") == [f"{ADA} 10"]
        assert reason_of(lambda: protected.client.call("Ask", "ten"))[0] is INVALID_ARGUMENT


def test_a_path_that_does_not_depend_on_the_request_waits_for_no_message(
    protect: Callable[..., Any],
) -> None:
    rule = Permission("notes.read", "/notes/a")
    with protect({f"/{SERVICE}/Tell": rule}) as protected:
        assert protected.client.answers("Tell") == [f"{ADA} "]


def test_a_rule_that_breaks_lets_nobody_in(protect: Callable[..., Any]) -> None:
    rule = Permission("notes.read", "/notes/{missing}")
    with protect({f"/{SERVICE}/Ask": rule}) as protected:
        refusal = refusal_of(lambda: protected.client.call("Ask", "a"))
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.INTERNAL,
            "ERROR_REASON_INTERNAL",
        )
        assert refusal.request_id in refusal.message
        assert protected.trial.handled == []


def test_a_request_id_is_echoed(protected: Protected) -> None:
    given = [("x-request-id", "r-7")]
    assert refusal_of(lambda: protected.client.call("Ask", "a", metadata=given)).request_id == "r-7"


def test_a_closed_guard_lets_nobody_in(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    protected.client.answers("Whoever", "a")
    protected.guard.close()
    now = feed.monotonic()
    monkeypatch.setattr(feed, "monotonic", lambda: now + feed.TRUST)
    assert reason_of(lambda: protected.client.call("Whoever", "a"))[0] is UNAVAILABLE
