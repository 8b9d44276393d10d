"""grpc.health.v1: per service, without a token, watched without a thread."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.wiring import SERVICES
from tests.support.house import House
from tests.support.waiting import wait_until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
NAMES = [service.full_name for service in SERVICES]


def stub(gatehouse: House) -> health_pb2_grpc.HealthStub:
    return health_pb2_grpc.HealthStub(gatehouse.channel)


def status(gatehouse: House, service: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    return stub(gatehouse).Check(request, timeout=20).status


@pytest.fixture
def watch(gatehouse: House) -> Iterator[Callable[..., Any]]:
    calls = []

    def begin(house: House = gatehouse, service: str = "") -> Any:
        calls.append(stub(house).Watch(health_pb2.HealthCheckRequest(service=service)))
        return calls[-1]

    yield begin
    for call in calls:
        call.cancel()


@pytest.mark.parametrize("service", ["", "grpc.health.v1.Health", *NAMES])
def test_each_service_is_serving(gatehouse: House, service: str) -> None:
    assert status(gatehouse, service) == SERVING


@pytest.mark.parametrize("service", ["gatehouse.nothing.v1.Nothing", "x" * 100_000])
def test_a_service_that_is_none_is_not_found(gatehouse: House, service: str) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        status(gatehouse, service)
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_check_that_is_none_is_refused(gatehouse: House) -> None:
    call = gatehouse.channel.unary_unary("/grpc.health.v1.Health/Check", _registered_method=False)
    with pytest.raises(grpc.RpcError) as refusal:
        call(b"\xff", timeout=20)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_all_are_listed(gatehouse: House) -> None:
    listed = stub(gatehouse).List(health_pb2.HealthListRequest(), timeout=20).statuses
    assert set(listed) == {"", "grpc.health.v1.Health", *NAMES}
    assert {it.status for it in listed.values()} == {SERVING}


@pytest.mark.parametrize(("service", "first"), [("", SERVING), ("nobody", UNKNOWN)])
def test_a_watcher_hears_the_state_at_once(
    watch: Callable[..., Any], service: str, first: int
) -> None:
    assert next(watch(service=service)).status == first


def test_a_watcher_hears_of_each_change(
    open_house: Callable[..., House], watch: Callable[..., Any]
) -> None:
    gatehouse = open_house()
    watched = [watch(gatehouse), watch(gatehouse, NAMES[0])]
    assert [next(it).status for it in watched] == [SERVING, SERVING]
    gatehouse.application.leave()
    assert [next(it).status for it in watched] == [NOT_SERVING, NOT_SERVING]
    assert status(gatehouse) == NOT_SERVING


def test_who_leaves_does_not_come_back(open_house: Callable[..., House]) -> None:
    gatehouse = open_house()
    gatehouse.application.leave()
    gatehouse.application.health.set(serving=True)
    assert status(gatehouse) == NOT_SERVING


def test_who_is_leaving_still_answers_calls(open_house: Callable[..., House]) -> None:
    gatehouse = open_house()
    gatehouse.application.leave()
    assert gatehouse.admin.auth.WhoAmI().subject


def test_a_watcher_that_leaves_is_forgotten(gatehouse: House, watch: Callable[..., Any]) -> None:
    before = gatehouse.application.health_senders.watchers
    call = watch()
    next(call)
    assert gatehouse.application.health_senders.watchers == before + 1
    call.cancel()
    wait_until(lambda: gatehouse.application.health_senders.watchers == before)
