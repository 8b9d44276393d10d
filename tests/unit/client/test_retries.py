"""Which calls are sent again, and that the list of them follows the contract."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import gatehouse
import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from gatehouse_client import connect
from gatehouse_client.retries import REPEATABLE
from tests.unit.client.conftest import Answer, Server, call

# A second time these would do what the first did: open another session, or refuse what is done.
ONCE = {
    "gatehouse.auth.v1.AuthService/CompleteFederatedLogin",
    "gatehouse.auth.v1.AuthService/Login",
    "gatehouse.auth.v1.AuthService/Logout",
    "gatehouse.auth.v1.AuthService/ResetPassword",
    "gatehouse.auth.v1.AuthService/VerifyEmail",
}
# Reads, or made to be repeated, without a request_id to say so.
HARMLESS = (
    "BatchCheck",
    "BatchGet",
    "BeginFederatedLogin",
    "Check",
    "Exchange",
    "Explain",
    "Get",
    "Introspect",
    "List",
    "RefreshToken",
    "RequestEmailVerification",
    "RequestPasswordReset",
    "WhoAmI",
)


def every_method() -> Iterator[MethodDescriptor]:
    """Every RPC of the contract, whether or not the server has it yet."""
    root = Path(next(iter(gatehouse.__path__)))
    for path in root.rglob("*_service_pb2.py"):
        name = ".".join(["gatehouse", *path.relative_to(root).with_suffix("").parts])
        for service in import_module(name).DESCRIPTOR.services_by_name.values():
            yield from service.methods


def failing(times: int, code: grpc.StatusCode) -> Answer:
    """Refuses that often, then answers."""
    left = [times]

    def answer(context: grpc.ServicerContext) -> bytes:
        if left[0]:
            left[0] -= 1
            context.abort(code, "not now")
        return b"done"

    return answer


def test_every_unary_method_of_the_contract_is_either_repeatable_or_not() -> None:
    repeatable = {f"{service}/{name}" for service, names in REPEATABLE.items() for name in names}
    unary = {
        f"{method.containing_service.full_name}/{method.name}": method
        for method in every_method()
        if not method.server_streaming and not method.client_streaming
    }
    assert repeatable | ONCE == unary.keys()
    assert not repeatable & ONCE
    for name in repeatable:
        takes_id = "request_id" in unary[name].input_type.fields_by_name
        assert takes_id or unary[name].name.startswith(HARMLESS), name


@pytest.mark.parametrize("method", ["users.v1.UserService/GetUser", "auth.v1.AuthService/Login"])
def test_an_unavailable_server_is_asked_again(server: Server, method: str) -> None:
    server.answer = failing(2, grpc.StatusCode.UNAVAILABLE)
    with connect(server.address) as channel:
        assert call(channel, f"/gatehouse.{method}") == b"done"
    assert len(server.calls) == 3


def test_a_code_is_traded_once(server: Server) -> None:
    server.answer = failing(1, grpc.StatusCode.UNAVAILABLE)
    with connect(server.address) as channel, pytest.raises(grpc.RpcError):
        call(channel, "/gatehouse.auth.v1.AuthService/CompleteFederatedLogin")
    assert len(server.calls) == 1


def test_a_read_that_a_leaving_server_cancelled_is_sent_again(server: Server) -> None:
    server.answer = failing(1, grpc.StatusCode.CANCELLED)
    with connect(server.address) as channel:
        assert call(channel, "/gatehouse.users.v1.UserService/GetUser") == b"done"


def test_a_sign_in_that_was_cancelled_is_not(server: Server) -> None:
    server.answer = failing(1, grpc.StatusCode.CANCELLED)
    with connect(server.address) as channel, pytest.raises(grpc.RpcError):
        call(channel, "/gatehouse.auth.v1.AuthService/Login")
    assert len(server.calls) == 1


def test_refusals_are_not_asked_again(server: Server) -> None:
    server.answer = failing(1, grpc.StatusCode.RESOURCE_EXHAUSTED)
    with connect(server.address) as channel, pytest.raises(grpc.RpcError):
        call(channel, "/gatehouse.users.v1.UserService/GetUser")
    assert len(server.calls) == 1


def test_the_fifth_attempt_is_the_last(server: Server) -> None:
    server.answer = failing(9, grpc.StatusCode.UNAVAILABLE)
    with connect(server.address) as channel, pytest.raises(grpc.RpcError):
        call(channel, "/gatehouse.users.v1.UserService/GetUser")
    assert len(server.calls) == 5
