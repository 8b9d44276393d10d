"""Calls are counted rightly, streams included, and what the service stands on can be read."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from grpc import StatusCode
from prometheus_client import CollectorRegistry, generate_latest

from service.kernel.call import Call
from service.ops.metrics import (
    CallObserver,
    Instruments,
    Observers,
    ServiceMetrics,
    create_registry,
)

SERVICE = "gatehouse.users.v1.UserService"


@dataclass
class Method:
    kind: str
    service: str = SERVICE
    name: str = "GetUser"


class Lines:
    def __init__(self) -> None:
        self.written: list[tuple[str, str, float]] = []

    def write(self, call: Call, code: str, seconds: float) -> None:
        self.written.append((call.request_id, code, seconds))


@pytest.fixture
def registry() -> CollectorRegistry:
    return create_registry()


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def observe(registry: CollectorRegistry, lines: Lines) -> Callable[[str], CallObserver]:
    observers = Observers(registry, lines)
    return lambda kind: observers.observe(Method(kind))


class Scrape:
    """What Prometheus would have read, by series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.text = generate_latest(registry).decode()
        pairs = (line.rsplit(" ", 1) for line in self.text.splitlines() if not line.startswith("#"))
        self.values = {series: float(value) for series, value in pairs}

    def of(self, name: str, kind: str, **more: str) -> float | None:
        labels = {"grpc_method": "GetUser", "grpc_service": SERVICE, "grpc_type": kind, **more}
        text = ",".join(f'{label}="{labels[label]}"' for label in sorted(labels))
        return self.values.get(f"{name}{{{text}}}")


CALL = Call("request-1")


@pytest.mark.parametrize(
    "kind", ["UNARY", "SERVER_STREAMING", "CLIENT_STREAMING", "BIDI_STREAMING"]
)
def test_every_kind_of_call_is_started_and_handled_once(
    registry: CollectorRegistry, observe: Callable[[str], CallObserver], kind: str
) -> None:
    observer = observe(kind)
    observer.started()
    observer.received()
    observer.sent()
    observer.sent()
    observer.finished(CALL, StatusCode.OK, 0.2)
    scrape = Scrape(registry)
    assert scrape.of("grpc_server_started_total", kind) == 1
    assert scrape.of("grpc_server_handled_total", kind, grpc_code="OK") == 1
    streams = None if kind == "UNARY" else 1
    assert scrape.of("grpc_server_msg_received_total", kind) == streams
    assert scrape.of("grpc_server_msg_sent_total", kind) == (2 if streams else None)


def test_a_call_under_way_is_started_and_not_yet_handled(
    registry: CollectorRegistry, observe: Callable[[str], CallObserver]
) -> None:
    observe("SERVER_STREAMING").started()
    scrape = Scrape(registry)
    assert scrape.of("grpc_server_started_total", "SERVER_STREAMING") == 1
    assert scrape.of("grpc_server_handled_total", "SERVER_STREAMING", grpc_code="OK") == 0


def test_codes_are_counted_apart(
    registry: CollectorRegistry, observe: Callable[[str], CallObserver]
) -> None:
    observer = observe("UNARY")
    for code in (StatusCode.OK, StatusCode.NOT_FOUND, StatusCode.NOT_FOUND):
        observer.finished(CALL, code, 0.01)
    scrape = Scrape(registry)
    assert scrape.of("grpc_server_handled_total", "UNARY", grpc_code="OK") == 1
    assert scrape.of("grpc_server_handled_total", "UNARY", grpc_code="NOT_FOUND") == 2


def test_unary_calls_are_timed_and_streams_are_not(
    registry: CollectorRegistry, observe: Callable[[str], CallObserver]
) -> None:
    for kind in ("UNARY", "SERVER_STREAMING"):
        observe(kind).finished(CALL, StatusCode.OK, 0.2)
    scrape = Scrape(registry)
    assert scrape.of("grpc_server_handling_seconds_count", "UNARY") == 1
    assert scrape.of("grpc_server_handling_seconds_sum", "UNARY") == 0.2
    assert scrape.of("grpc_server_handling_seconds_count", "SERVER_STREAMING") is None


def test_calls_faster_than_5_ms_are_told_apart(
    registry: CollectorRegistry, observe: Callable[[str], CallObserver]
) -> None:
    observer = observe("UNARY")
    for seconds in (0.0002, 0.002):
        observer.finished(CALL, StatusCode.OK, seconds)
    scrape = Scrape(registry)
    counts = [
        scrape.of("grpc_server_handling_seconds_bucket", "UNARY", le=le)
        for le in ("0.0001", "0.00025", "0.001", "0.0025", "10.0", "+Inf")
    ]
    assert counts == [0, 1, 1, 2, 2, 2]


def test_each_finished_call_has_its_line(
    observe: Callable[[str], CallObserver], lines: Lines
) -> None:
    observe("UNARY").finished(CALL, StatusCode.UNAVAILABLE, 0.5)
    assert lines.written == [("request-1", "UNAVAILABLE", 0.5)]


@pytest.mark.usefixtures("observe")
def test_no_metric_is_shown_under_its_former_name_or_with_a_twin(
    registry: CollectorRegistry,
) -> None:
    text = Scrape(registry).text
    assert "grpc_server_handling_seconds" in text
    assert "handled_latency" not in text
    assert "_created" not in text


def test_the_process_and_its_garbage_collector_are_shown(registry: CollectorRegistry) -> None:
    values = Scrape(registry).values
    assert values["process_resident_memory_bytes"] > 0
    assert 'python_gc_collections_total{generation="0"}' in values


def test_gauges_and_counters_are_read_when_asked_for(registry: CollectorRegistry) -> None:
    instruments = Instruments(registry)
    waiting = [1.0]
    instruments.gauge("gatehouse_waiting", "Waiting.", lambda: waiting[0], pool="calls")
    instruments.gauge("gatehouse_waiting", "Waiting.", lambda: 7, pool="sign-in")
    instruments.counter("gatehouse_hits_total", "Hits.", lambda: 3)
    waiting[0] = 2.0
    scrape = Scrape(registry)
    assert scrape.values['gatehouse_waiting{pool="calls"}'] == 2
    assert scrape.values['gatehouse_waiting{pool="sign-in"}'] == 7
    assert scrape.values["gatehouse_hits_total"] == 3
    assert scrape.text.count("# TYPE gatehouse_waiting gauge") == 1
    assert "# TYPE gatehouse_hits_total counter" in scrape.text


def test_a_series_cannot_be_shown_twice(registry: CollectorRegistry) -> None:
    instruments = Instruments(registry)
    instruments.gauge("gatehouse_waiting", "Waiting.", lambda: 1, pool="calls")
    with pytest.raises(ValueError, match="gatehouse_waiting"):
        instruments.gauge("gatehouse_waiting", "Waiting.", lambda: 1, pool="calls")


def test_one_gauge_that_fails_does_not_hide_the_others(registry: CollectorRegistry) -> None:
    instruments = Instruments(registry)
    instruments.gauge("gatehouse_broken", "Broken.", lambda: 1 / 0)
    instruments.gauge("gatehouse_whole", "Whole.", lambda: 1)
    values = Scrape(registry).values
    assert "gatehouse_broken" not in values
    assert values["gatehouse_whole"] == 1


def test_services_count_outcomes_through_a_plain_function(registry: CollectorRegistry) -> None:
    metrics = ServiceMetrics(Instruments(registry))
    metrics.logins("accepted")
    metrics.logins("accepted")
    metrics.refreshes("stolen")
    metrics.exchanges("accepted")
    values = Scrape(registry).values
    assert values['gatehouse_logins_total{outcome="accepted"}'] == 2
    assert values['gatehouse_refreshes_total{outcome="stolen"}'] == 1
    assert values['gatehouse_token_exchanges_total{outcome="accepted"}'] == 1


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [
        ("logins", ["accepted", "refused", "throttled"]),
        ("federated_logins", ["accepted", "refused", "throttled", "unavailable"]),
        ("refreshes", ["accepted", "refused", "stolen"]),
        ("token_exchanges", ["accepted", "refused"]),
    ],
)
def test_what_may_come_of_it_is_counted_from_zero(
    registry: CollectorRegistry, name: str, outcomes: list[str]
) -> None:
    ServiceMetrics(Instruments(registry))
    values = Scrape(registry).values
    shown = {series: value for series, value in values.items() if f"gatehouse_{name}" in series}
    expected = [f'gatehouse_{name}_total{{outcome="{outcome}"}}' for outcome in outcomes]
    assert shown == dict.fromkeys(expected, 0)


@dataclass
class Pool:
    name: str
    carried: int
    limit: int
    receiving: int = 1


@dataclass
class Cache:
    hits: int
    misses: int


def test_what_the_service_stands_on_has_a_name_in_one_place(registry: CollectorRegistry) -> None:
    metrics = ServiceMetrics(Instruments(registry))
    metrics.show_pool(Pool("calls", 3, 1000))
    metrics.show_pool(Pool("sign-in", 4, 128))
    metrics.show_cache("users", Cache(5, 6))
    metrics.show_database(in_use=lambda: 7, size=lambda: 8, last_read_age=lambda: 0.5)
    metrics.show_hashing(waiting=lambda: 9, running=lambda: 2)
    metrics.show_streams(watchers=lambda: 11, access_lines_dropped=lambda: 12)
    shown = {
        series: value
        for series, value in Scrape(registry).values.items()
        if series.startswith("gatehouse_") and "outcome" not in series
    }
    assert shown == {
        'gatehouse_pool_calls{pool="calls"}': 3,
        'gatehouse_pool_calls{pool="sign-in"}': 4,
        'gatehouse_pool_calls_receiving{pool="calls"}': 1,
        'gatehouse_pool_calls_receiving{pool="sign-in"}': 1,
        'gatehouse_pool_calls_limit{pool="calls"}': 1000,
        'gatehouse_pool_calls_limit{pool="sign-in"}': 128,
        'gatehouse_cache_hits_total{cache="users"}': 5,
        'gatehouse_cache_misses_total{cache="users"}': 6,
        "gatehouse_database_connections_in_use": 7,
        "gatehouse_database_connections_limit": 8,
        "gatehouse_database_last_read_age_seconds": 0.5,
        "gatehouse_hashing_waiting": 9,
        "gatehouse_hashing_running": 2,
        "gatehouse_watchers": 11,
        "gatehouse_access_lines_dropped_total": 12,
    }
