"""SIGTERM: calls that are being served end well, nothing is left behind."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from signal import SIGTERM

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.house import House
from tests.support.process import ServerProcess
from tests.support.refusals import CANCELLED, refused
from tests.support.waiting import wait_until

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_calls_that_are_being_served_are_answered(open_house: Callable[..., House]) -> None:
    gatehouse = open_house(bcrypt_cost=10)
    application, who = gatehouse.application, gatehouse.admin.credentials
    [sign_ins] = [it for it in application.pools if it.name == "sign-in"]
    calls = [
        gatehouse.anonymous.auth.Login.future(email=who.email, password=who.password)
        for _ in range(8)
    ]
    wait_until(lambda: sign_ins.carried == len(calls), "all calls")
    application.leave()
    with ThreadPoolExecutor(1) as stopping:
        stopped = stopping.submit(application.server.stop, 20)
        assert {call.code() for call in calls} == {grpc.StatusCode.OK}
        stopped.result().wait()


def test_a_server_that_is_asked_to_leave_leaves_nothing_behind(server: ServerProcess) -> None:
    stores = psutil.Process(server.process.pid).children(recursive=True)
    assert len(stores) >= 2
    assert server.stop() == 0
    assert not [it for it in stores if it.is_running()]
    assert [it["event"] for it in server.lines if it.get("event") in {"leaving", "left"}] == [
        "leaving",
        "left",
    ]


def test_watchers_are_told_that_the_server_leaves(server: ServerProcess) -> None:
    stream = server.site.admin.auth.WatchRevocations()
    next(stream)
    server.process.send_signal(SIGTERM)
    with refused(CANCELLED, reason="SHUTTING_DOWN"):
        list(stream)
    assert server.stop() == 0


def test_balancers_hear_of_it_before_calls_are_refused(
    new_server: Callable[..., ServerProcess],
) -> None:
    server = new_server(DRAIN_WAIT="2s")
    site = server.start()
    stub = health_pb2_grpc.HealthStub(site.channel)
    watched = stub.Watch(health_pb2.HealthCheckRequest())
    next(watched)
    server.process.send_signal(SIGTERM)
    assert next(watched).status == NOT_SERVING
    assert site.admin.auth.WhoAmI().subject == site.admin.name
    watched.cancel()


def test_no_call_fails_while_balancers_are_still_being_told(
    new_server: Callable[..., ServerProcess],
) -> None:
    """Nobody is failed by a server that is leaving."""
    server = new_server(DRAIN_WAIT="1s")
    site = server.start()
    failed: list[grpc.RpcError] = []
    leaving = threading.Event()

    def call_until_not_serving() -> None:
        while not leaving.is_set():
            try:
                site.admin.auth.WhoAmI()
            except grpc.RpcError as error:
                failed.append(error)

    with ThreadPoolExecutor(4) as callers:
        for _ in range(4):
            callers.submit(call_until_not_serving)
        server.process.send_signal(SIGTERM)
        stub = health_pb2_grpc.HealthStub(site.channel)
        wait_until(
            lambda: stub.Check(health_pb2.HealthCheckRequest()).status == NOT_SERVING, "leaving"
        )
        leaving.set()
    assert failed == []
