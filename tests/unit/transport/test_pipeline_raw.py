"""Headers that no gRPC client sends, and yet may come."""

import grpc
import pytest

from tests.support import raw
from tests.support.waiting import wait_until
from tests.unit.transport.trial import Ask, Trial

ONE = "/gatehouse.trial.v1.TrialService/One"
MESSAGE = Ask(name="x").SerializeToString()
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


def code_of(trial: Trial, address: str, *headers: tuple[bytes, bytes]) -> grpc.StatusCode:
    raw.call(address.removeprefix("unix:"), ONE, headers, MESSAGE)
    wait_until(lambda: trial.finished, "the end of the call")
    [seen] = trial.finished
    return seen.code


def test_a_call_by_hand_is_served(trial: Trial, grpc_addr: str) -> None:
    assert code_of(trial, grpc_addr, (b"authorization", b"Bearer ada")) is grpc.StatusCode.OK


@pytest.mark.parametrize(
    "value", [b"Bearer \xff\xfe", b"\xff", b"Bearer ada\xc3", b"\xc3\xa9 ada", b"Bearer \x80ada"]
)
def test_authorization_that_is_no_text_is_refused(
    trial: Trial, grpc_addr: str, value: bytes
) -> None:
    assert code_of(trial, grpc_addr, (b"authorization", value)) is UNAUTHENTICATED
    assert "serve" not in trial.steps


@pytest.mark.parametrize("second", [b"Bearer ada", b"Bearer eve", b"", b"\xff"])
def test_two_authorizations_are_refused(trial: Trial, grpc_addr: str, second: bytes) -> None:
    both = [(b"authorization", b"Bearer ada"), (b"authorization", second)]
    assert code_of(trial, grpc_addr, *both) is UNAUTHENTICATED
    assert "serve" not in trial.steps


@pytest.mark.parametrize("value", [b"\xff\xfe", b"a\x01b", b"a\tb", b"x" * 5000])
def test_an_absurd_request_id_is_replaced(trial: Trial, grpc_addr: str, value: bytes) -> None:
    ada = (b"authorization", b"Bearer ada")
    assert code_of(trial, grpc_addr, ada, (b"x-request-id", value)) is grpc.StatusCode.OK
    assert trial.calls[0].request_id.isalnum()
    assert len(trial.calls[0].request_id) == 32
