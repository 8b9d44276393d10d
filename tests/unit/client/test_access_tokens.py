"""Tokens that a channel gets by itself: with what, when, and what happens when it cannot."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest
from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1.auth_service_pb2_grpc import AuthServiceStub

from gatehouse_client import ApiKey, Credentials, Password, TokenFile, access_tokens, connect
from gatehouse_client.access_tokens import Obtained
from service.auth.errors import InvalidCredentials
from service.kernel.errors import ResourceExhausted, Unavailable
from tests.support.waiting import wait_until
from tests.unit.client.issuing import HOUR, Issuer

ADA = Password("ada@example.org", "seven purple anvils")
KEY = ApiKey("gk_secret", scopes=["access:read"])


def test_scopes_in_one_string_are_no_scopes() -> None:
    with pytest.raises(TypeError, match=r"such as \['access:read'\]"):
        ApiKey("gk_secret", scopes="access:read")


class Clock:
    """What the tokens take for the time, in seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(access_tokens, "monotonic", made)
    return made


@pytest.fixture
def whoami(issuer: Issuer, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Calls WhoAmI over a channel with the credentials; answers the token that was sent."""
    open_channels: dict[int, grpc.Channel] = {}

    def ask(credentials: Credentials) -> str:
        if id(credentials) not in open_channels:
            channel = connect(issuer.address, credentials=credentials)
            open_channels[id(credentials)] = channel
            request.addfinalizer(channel.close)
        stub = AuthServiceStub(open_channels[id(credentials)])
        return stub.WhoAmI(pb.WhoAmIRequest()).subject

    return ask


def test_a_password_signs_in_once(issuer: Issuer, whoami: Callable[..., str]) -> None:
    assert [whoami(ADA) for _ in range(3)] == ["token-1"] * 3
    assert issuer.asked == ["Login ada@example.org seven purple anvils"]


def test_an_api_key_is_exchanged_for_its_scopes(issuer: Issuer, whoami: Callable[..., str]) -> None:
    assert whoami(KEY) == "token-1"
    assert issuer.asked == ["ExchangeApiKey gk_secret access:read"]


def test_many_calls_at_once_get_one_token(issuer: Issuer) -> None:
    issuer.hold.clear()
    with connect(issuer.address, credentials=ADA) as channel, ThreadPoolExecutor(16) as pool:
        stub = AuthServiceStub(channel)
        calls = [pool.submit(stub.WhoAmI, pb.WhoAmIRequest()) for _ in range(16)]
        wait_until(lambda: issuer.asked, "the request for a token")
        issuer.hold.set()
        assert {it.result().subject for it in calls} == {"token-1"}
    assert len(issuer.asked) == 1


@pytest.mark.parametrize(
    ("credentials", "again"),
    [(ADA, "RefreshToken refresh-1"), (KEY, "ExchangeApiKey gk_secret access:read")],
)
def test_a_token_is_replaced_ahead_of_its_end_while_it_is_still_used(
    issuer: Issuer,
    whoami: Callable[..., str],
    clock: Clock,
    credentials: Credentials,
    again: str,
) -> None:
    whoami(credentials)
    clock.now += 0.69 * HOUR
    assert whoami(credentials) == "token-1"
    assert len(issuer.asked) == 1
    clock.now += 0.12 * HOUR
    issuer.hold.clear()
    assert whoami(credentials) == "token-1", "no call waits for what is not yet needed"
    wait_until(lambda: len(issuer.asked) == 2, "the replacement")
    assert issuer.asked[1] == again
    issuer.hold.set()
    wait_until(lambda: whoami(credentials) == "token-2", "the next token")


def test_a_token_is_not_sent_in_its_last_seconds(
    issuer: Issuer, whoami: Callable[..., str], clock: Clock
) -> None:
    whoami(ADA)
    clock.now += HOUR - 2
    assert whoami(ADA) == "token-2"


def test_who_was_idle_for_long_waits_for_a_new_token(
    issuer: Issuer, whoami: Callable[..., str], clock: Clock
) -> None:
    whoami(ADA)
    clock.now += 10 * HOUR
    assert whoami(ADA) == "token-2"


def test_a_session_that_is_over_is_signed_in_again(
    issuer: Issuer, whoami: Callable[..., str], clock: Clock
) -> None:
    whoami(ADA)
    clock.now += 10 * HOUR
    issuer.sessions_end = True
    assert whoami(ADA) == "token-2"
    assert [it.split()[0] for it in issuer.asked] == ["Login", "RefreshToken", "Login"]


def test_a_good_token_is_kept_while_none_can_be_got(
    issuer: Issuer, whoami: Callable[..., str], clock: Clock
) -> None:
    whoami(KEY)
    clock.now += 0.9 * HOUR
    issuer.failing = Unavailable("away")
    assert whoami(KEY) == "token-1"
    # gRPC itself makes five attempts of the first.
    wait_until(lambda: len(issuer.asked) == 6, "the failure")
    assert whoami(KEY) == "token-1"
    issuer.failing = None
    clock.now += 0.01 * HOUR
    wait_until(lambda: whoami(KEY) == "token-2", "a token, once there is one")


def test_without_a_token_calls_raise_what_getting_one_raised(
    issuer: Issuer, whoami: Callable[..., str], clock: Clock
) -> None:
    issuer.failing = InvalidCredentials()
    for _ in range(5):
        with pytest.raises(grpc.RpcError) as caught:
            whoami(ADA)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert len(issuer.asked) == 1, "a wrong password is not tried with every call"
    assert issuer.bearers == []


def test_attempts_lie_further_and_further_apart(
    issuer: Issuer, whoami: Callable[..., str], clock: Clock
) -> None:
    issuer.failing = ResourceExhausted("too many", 1.0)
    pauses = []
    for attempt in range(1, 9):
        began = clock.now
        while len(issuer.asked) < attempt:
            with pytest.raises(grpc.RpcError):
                whoami(ADA)
            clock.now += 0.05
        pauses.append(clock.now - began)
    assert pauses[0] < pauses[3] < pauses[6] <= 5.2
    issuer.failing = None
    clock.now += 5.0
    assert whoami(ADA) == "token-1"


def test_however_often_it_failed_a_token_is_got_once_there_is_one(
    issuer: Issuer, clock: Clock
) -> None:
    with grpc.insecure_channel(issuer.address) as channel:
        tokens = Obtained(ADA, AuthServiceStub(channel))
        tokens._failures = 5000
        issuer.failing = Unavailable("away")
        with pytest.raises(grpc.RpcError):
            tokens.current()
        issuer.failing = None
        clock.now += 5.0
        assert tokens.current() == "token-1"


def test_an_answer_that_is_of_no_use_is_raised_and_nobody_waits_for_ever() -> None:
    useless: Any = SimpleNamespace(obtain=lambda service, tokens: None)
    with pytest.raises(AttributeError):
        Obtained(useless, cast(Any, None)).current()


def test_where_no_thread_can_be_started_the_next_call_tries_again(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with grpc.insecure_channel(issuer.address) as channel:
        tokens = Obtained(ADA, AuthServiceStub(channel))
        with monkeypatch.context() as full:
            full.setattr(access_tokens.threading, "Thread", refusing_thread)
            with pytest.raises(RuntimeError):
                tokens.current()
        assert tokens.current() == "token-1"


def refusing_thread(**_given: object) -> None:
    raise RuntimeError("can't start new thread")


def test_a_revoked_session_is_noticed_and_replaced_within_the_call(
    issuer: Issuer, whoami: Callable[..., str], clock: Clock
) -> None:
    whoami(ADA)
    clock.now += 60
    issuer.revoked.add("token-1")
    issuer.sessions_end = True
    assert whoami(ADA) == "token-2"
    assert issuer.bearers == ["token-1", "token-1", "token-2"]


def test_a_token_that_is_refused_from_the_start_is_not_replaced_again_and_again(
    issuer: Issuer, whoami: Callable[..., str], clock: Clock
) -> None:
    issuer.revoked |= {f"token-{number}" for number in range(10)}
    for _ in range(5):
        with pytest.raises(grpc.RpcError):
            whoami(KEY)
    assert len(issuer.asked) == 1


def test_a_stream_that_was_refused_makes_the_next_call_bring_another_token(
    issuer: Issuer, clock: Clock
) -> None:
    with connect(issuer.address, credentials=KEY) as channel:
        stub = AuthServiceStub(channel)
        assert next(stub.WatchRevocations(pb.WatchRevocationsRequest())).cursor == "token-1"
        clock.now += 60
        issuer.revoked.add("token-1")
        with pytest.raises(grpc.RpcError):
            next(stub.WatchRevocations(pb.WatchRevocationsRequest()))
        assert next(stub.WatchRevocations(pb.WatchRevocationsRequest())).cursor == "token-2"


def test_a_call_by_future_that_was_refused_makes_the_next_bring_another_token(
    issuer: Issuer, whoami: Callable[..., str], clock: Clock
) -> None:
    with connect(issuer.address, credentials=KEY) as channel:
        stub = AuthServiceStub(channel)
        stub.WhoAmI(pb.WhoAmIRequest())
        clock.now += 60
        issuer.revoked.add("token-1")
        stub.WhoAmI.future(pb.WhoAmIRequest()).exception()
        wait_until(lambda: stub.WhoAmI(pb.WhoAmIRequest()).subject == "token-2", "the next")


def test_a_token_file_is_read_again_when_it_changes(
    issuer: Issuer, whoami: Callable[..., str], tmp_path: Path
) -> None:
    mounted = TokenFile(tmp_path / "token")
    mounted.path.write_text("first\n")
    assert [whoami(mounted), whoami(mounted)] == ["first", "first"]
    # As Kubernetes does it: a link is put in the place of another.
    (tmp_path / "new").write_text("second\n")
    (tmp_path / "link").symlink_to(tmp_path / "new")
    (tmp_path / "link").replace(mounted.path)
    assert whoami(mounted) == "second"
    mounted.path.unlink()
    assert whoami(mounted) == "second", "while it is being replaced, the last is as good"


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_token_file_without_a_token_is_told(
    whoami: Callable[..., str], tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises((OSError, ValueError), match="token"):
        whoami(TokenFile(path))


def test_secrets_are_in_no_repr(issuer: Issuer) -> None:
    tokens: Any = access_tokens.tokens_for(ADA, grpc.insecure_channel(issuer.address))
    tokens.current()
    shown = f"{ADA!r} {KEY!r} {tokens!r} {vars(ApiKey)}"
    assert "anvils" not in shown
    assert "gk_secret" not in shown
    assert "token-1" not in shown


def test_a_channel_takes_a_token_or_credentials() -> None:
    with pytest.raises(ValueError, match="either"):
        connect("127.0.0.1:1", token=lambda: "token", credentials=ADA)
