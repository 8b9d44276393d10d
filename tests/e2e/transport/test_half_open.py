"""Calls that are opened and then send nothing take no thread."""

import threading
from collections.abc import Callable, Iterator

import grpc
import pytest

from service.transport.receiving import MOST, grpc_is_known
from tests.support.house import House
from tests.support.waiting import wait_until

WHO_AM_I = "/gatehouse.auth.v1.AuthService/WhoAmI"
GET_USER = "/gatehouse.users.v1.UserService/GetUser"
WATCH = "/gatehouse.auth.v1.AuthService/WatchRevocations"


@pytest.fixture
def crowd(open_house: Callable[..., House]) -> Iterator[Callable[[str, int], list[grpc.Future]]]:
    """Opens calls that never send their message, without a token, beside an honest client."""
    house = open_house()
    never = threading.Event()

    def nothing() -> Iterator[bytes]:
        never.wait()
        yield from ()

    with grpc.insecure_channel(house.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:

        def open_calls(method: str, count: int) -> list[grpc.Future]:
            calls = [channel.stream_unary(method).future(nothing()) for _ in range(count)]
            pools = house.application.pools
            wait_until(lambda: sum(it.receiving + it.carried for it in pools) >= min(count, MOST))
            return calls

        open_calls.house = house  # type: ignore[attr-defined]
        yield open_calls
        never.set()


def test_gRPC_is_as_we_take_it_to_be() -> None:
    assert grpc_is_known(), "raise grpcio only together with service.transport.receiving"


@pytest.mark.parametrize("method", [WHO_AM_I, GET_USER, WATCH])
def test_a_crowd_of_them_keeps_nobody_out(
    crowd: Callable[[str, int], list[grpc.Future]], method: str
) -> None:
    house: House = crowd.house  # type: ignore[attr-defined]
    calls = crowd(method, 100)
    admin = house.admin
    for _ in range(5):
        assert admin.auth.WhoAmI().subject
        assert admin.users.GetUser(name="users/me").user.name
    assert not any(call.done() for call in calls), "they were there all along"


def test_of_too_many_the_oldest_are_ended(
    crowd: Callable[[str, int], list[grpc.Future]],
) -> None:
    calls = crowd(WHO_AM_I, MOST + 20)
    wait_until(lambda: sum(call.done() for call in calls) == 20, "the end of the oldest")
    assert {call.code() for call in calls if call.done()} == {grpc.StatusCode.CANCELLED}
    assert crowd.house.admin.auth.WhoAmI().subject  # type: ignore[attr-defined]


def test_a_call_that_ends_without_a_message_is_told_so(gatehouse: House) -> None:
    call = gatehouse.channel.stream_unary(WHO_AM_I)
    with pytest.raises(grpc.RpcError) as refused:
        call(iter(()), timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
