"""Whatever is sent to whichever RPC: a documented status, never UNKNOWN, INTERNAL or silence."""

from random import Random
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from service.wiring import SERVICES
from tests.support import nonsense
from tests.support.clients import Client, Method, Person, every_method
from tests.support.house import House
from tests.support.refusals import INTERNAL, RESOURCE_EXHAUSTED, Refusal, read

EVERY = pytest.mark.parametrize("rpc", list(every_method()), ids=lambda it: it.full_name)
ONE_OF_EACH = pytest.mark.parametrize(
    "rpc", [service.methods[0] for service in SERVICES], ids=lambda it: it.full_name
)
NEVER = {INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED}


def first(answer: Any) -> None:
    """Waits for the first answer of a stream; that of other calls is there already."""
    if hasattr(answer, "cancel"):
        next(answer)
        answer.cancel()


def outcome(method: Method, request: Any) -> Refusal | None:
    """How a call ends; a stream's first answer is its end here."""
    try:
        first(method(request))
    except grpc.RpcError as error:
        refusal = read(error)
        assert refusal.code not in NEVER, (request, refusal)
        assert "Traceback" not in refusal.message
        return refusal
    return None


def some_nonsense(method: Method, random: Random) -> Any:
    """A request, or a stream of them, as the method takes it."""
    some = nonsense.stream if method.takes_many else nonsense.request
    return some(method.request, random)


@pytest.fixture
def insider(gatehouse: House) -> Person:
    """Somebody who may do almost anything, and is not needed afterwards."""
    return gatehouse.new_person("roles/admin")


@EVERY
def test_random_and_cut_bytes_from_an_insider(insider: Person, rpc: MethodDescriptor) -> None:
    method = insider.method(rpc)
    for payload in nonsense.payloads(method.request, Random(rpc.full_name), 20):
        outcome(method, payload)


@EVERY
def test_random_and_cut_bytes_from_a_stranger(anonymous: Client, rpc: MethodDescriptor) -> None:
    method = anonymous.method(rpc)
    for payload in nonsense.payloads(method.request, Random(rpc.full_name), 10):
        outcome(method, payload)


@EVERY
def test_well_formed_nonsense_from_an_insider(insider: Person, rpc: MethodDescriptor) -> None:
    method, random = insider.method(rpc), Random(rpc.full_name)
    for _ in range(60):
        outcome(method, some_nonsense(method, random))


@EVERY
def test_well_formed_nonsense_from_a_service(gatehouse: House, rpc: MethodDescriptor) -> None:
    method, random = gatehouse.new_service("roles/admin").method(rpc), Random(rpc.full_name)
    for _ in range(20):
        outcome(method, some_nonsense(method, random))


@EVERY
def test_well_formed_nonsense_from_a_stranger(anonymous: Client, rpc: MethodDescriptor) -> None:
    method, random = anonymous.method(rpc), Random(rpc.full_name)
    for _ in range(20):
        outcome(method, some_nonsense(method, random))


@ONE_OF_EACH
def test_five_mebibytes_are_too_much(insider: Person, rpc: MethodDescriptor) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        first(insider.method(rpc)(b"\x0a\x80\x80\xc0\x02" + b"a" * 5 * 1024 * 1024))
    assert refusal.value.code() is RESOURCE_EXHAUSTED
    assert "Traceback" not in refusal.value.details()


@ONE_OF_EACH
def test_huge_metadata_is_too_much(anonymous: Client, rpc: MethodDescriptor) -> None:
    method = anonymous.method(rpc)
    with pytest.raises(grpc.RpcError) as refusal:
        first(method.with_metadata([("authorization", "Bearer " + "a" * 60_000)]))
    assert refusal.value.code() is RESOURCE_EXHAUSTED


def test_much_metadata_is_read(gatehouse: House, ada: Person) -> None:
    extra = [(f"x-extra-{number}", "a" * 200) for number in range(40)]
    assert ada.auth.WhoAmI.with_metadata(extra).subject == ada.name


def test_binary_metadata_is_ignored(ada: Person) -> None:
    extra = [("x-request-id-bin", b"\xff\0"), ("authorization-bin", b"\xff")]
    assert ada.auth.WhoAmI.with_metadata(extra).subject == ada.name


def test_a_method_that_is_none_is_unimplemented(gatehouse: House) -> None:
    for path in ("/gatehouse.users.v1.UserService/Nothing", "/Nothing/Nothing", "/x"):
        call = gatehouse.channel.unary_unary(path, _registered_method=False)
        with pytest.raises(grpc.RpcError) as refusal:
            call(b"", timeout=20)
        assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_house_still_stands(ada: Person) -> None:
    assert ada.auth.WhoAmI().subject == ada.name
