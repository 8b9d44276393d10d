"""What every call over a client's channel carries, and which channels there are."""

from itertools import count
from pathlib import Path

import grpc
import pytest

from gatehouse_client import connect
from gatehouse_client.channel import is_loopback
from tests.unit.client.conftest import Server, call

WHO_AM_I = "/gatehouse.auth.v1.AuthService/WhoAmI"
WATCH = "/gatehouse.auth.v1.AuthService/WatchRevocations"


def test_the_token_is_asked_for_before_each_call(server: Server) -> None:
    numbers = count(1)
    with connect(server.address, token=lambda: f"token-{next(numbers)}") as channel:
        call(channel, WHO_AM_I)
        call(channel, WHO_AM_I)
    assert [one["authorization"] for one in server.metadata] == ["Bearer token-1", "Bearer token-2"]


def test_a_call_may_bring_its_own_authorization(server: Server) -> None:
    own = (("authorization", "Bearer own"),)
    with connect(server.address, token=lambda: "token") as channel:
        call(channel, WHO_AM_I, metadata=own)
    assert server.metadata[0]["authorization"] == "Bearer own"


def test_without_a_token_no_authorization_is_sent(server: Server) -> None:
    with connect(server.address) as channel:
        call(channel, WHO_AM_I)
    assert "authorization" not in server.metadata[0]


def test_unary_calls_have_a_deadline_unless_they_set_one(server: Server) -> None:
    with connect(server.address, deadline=7.0) as channel:
        call(channel, WHO_AM_I)
        call(channel, WHO_AM_I, timeout=100.0)
    default, own = server.seconds_left
    assert default is not None
    assert own is not None
    assert 0.0 < default < 8.0
    assert own > 90.0


def test_streams_have_no_deadline_and_carry_the_token(server: Server) -> None:
    with connect(server.address, token=lambda: "token", deadline=7.0) as channel:
        assert list(channel.unary_stream(WATCH, _registered_method=False)(b"")) == [b""]
    assert server.metadata[0]["authorization"] == "Bearer token"
    # gRPC's way of saying none.
    assert server.seconds_left[0] is None or server.seconds_left[0] > 1e6


def test_what_the_token_raises_reaches_the_caller(server: Server) -> None:
    def missing() -> str:
        raise LookupError("not signed in")

    with (
        connect(server.address, token=missing) as channel,
        pytest.raises(LookupError, match="not signed in"),
    ):
        call(channel, WHO_AM_I)


@pytest.mark.parametrize(
    "target", ["127.0.0.1:50051", "127.8.8.8:1", "[::1]:1", "localhost:1", "unix:/run/gatehouse"]
)
def test_only_this_machine_is_reached_in_plaintext_unasked(target: str) -> None:
    assert is_loopback(target)


@pytest.mark.parametrize(
    "target",
    [
        "gatehouse:50051",
        "10.0.0.1:1",
        "localhost.evil.example:1",
        "127.0.0.1.evil.example:1",
        "[::]:1",
        "0.0.0.0:1",
        "dns:///localhost:1",
        "",
        "[::1:1",
    ],
)
def test_all_others_are_reached_over_tls(target: str) -> None:
    assert not is_loopback(target)


def test_plaintext_and_certificates_exclude_each_other(file: Path) -> None:
    with pytest.raises(ValueError, match="plaintext"):
        connect("127.0.0.1:1", ca_file=file, plaintext=True)


def test_a_certificate_goes_with_its_key(file: Path) -> None:
    with pytest.raises(ValueError, match="go together"):
        connect("127.0.0.1:1", cert_file=file)


def test_a_file_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect("127.0.0.1:1", ca_file=tmp_path / "missing.pem")


def test_a_plaintext_server_is_never_spoken_to_when_tls_was_asked_for(server: Server) -> None:
    with (
        connect(server.address, plaintext=False, token=lambda: "secret") as channel,
        pytest.raises(grpc.RpcError),
    ):
        call(channel, WHO_AM_I)
    assert server.calls == []
