"""What a client learns of a refusal."""

import grpc
import pytest

from gatehouse_client import FieldViolation, Refusal, connect
from service.kernel.errors import InvalidArgument, Unavailable
from service.transport.status import describe
from tests.unit.client.conftest import Answer, Server, call

GET_USER = "/gatehouse.users.v1.UserService/Refuse"


def refused_with(server: Server, answer: Answer) -> Refusal:
    server.answer = answer
    with connect(server.address) as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel, GET_USER)
    return Refusal.of(caught.value)


def refusing(error: Exception) -> Answer:
    return lambda context: describe(error, "request-7").abort(context)


def test_reason_violations_and_request_id_are_read(server: Server) -> None:
    refusal = refused_with(server, refusing(InvalidArgument.field("user.email", "must be one")))
    assert refusal == Refusal(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        message="user.email: must be one",
        reason="ERROR_REASON_INVALID_FIELDS",
        violations=(FieldViolation("user.email", "must be one"),),
        request_id="request-7",
    )


def test_the_time_to_wait_is_read_in_seconds(server: Server) -> None:
    refusal = refused_with(server, refusing(Unavailable("away", retry_after=1.5)))
    assert refusal.code is grpc.StatusCode.UNAVAILABLE
    assert refusal.retry_after == 1.5


def test_a_refusal_without_a_status_says_what_grpc_says(server: Server) -> None:
    refusal = refused_with(server, lambda context: context.abort(grpc.StatusCode.DATA_LOSS, "oh"))
    assert refusal == Refusal(code=grpc.StatusCode.DATA_LOSS, message="oh")


@pytest.mark.parametrize("details", [b"\xff\xff", b"", b"\x08\x05"])
def test_a_status_that_is_none_of_ours_is_passed_over(server: Server, details: bytes) -> None:
    def answer(context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(grpc.StatusCode.ABORTED, "oh")

    assert refused_with(server, answer) == Refusal(code=grpc.StatusCode.ABORTED, message="oh")


def test_a_server_that_is_not_there_is_a_refusal_too() -> None:
    with connect("127.0.0.1:1") as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel, GET_USER, timeout=5.0)
    refusal = Refusal.of(caught.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "")
