"""What Prometheus sees: gRPC's usual metrics of calls, and `gatehouse_…` of what they stand on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import structlog
from grpc import StatusCode
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from py_grpc_prometheus import server_metrics

from service.kernel.call import Call

_SECONDS = "grpc_server_handled_histogram"
_LEGACY = "legacy_grpc_server_handled_latency_seconds"
_LABELS = ("grpc_type", "grpc_service", "grpc_method")
_BUCKETS = (
    1e-4,
    2.5e-4,
    5e-4,
    1e-3,
    2.5e-3,
    5e-3,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
)
# Made at once, so that a rate over them begins at zero; the others when they first happen.
_EXPECTED = (StatusCode.OK, StatusCode.INTERNAL, StatusCode.UNAVAILABLE)

log = structlog.get_logger("gatehouse.metrics")


def create_registry() -> CollectorRegistry:
    """A registry with the figures of the process and of its garbage collector."""
    # Each series would have a twin with the time of its making, which nobody asks for.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class ObservedMethod(Protocol):
    """What is asked of a method; transport's `Method` is one."""

    @property
    def service(self) -> str:
        """`gatehouse.users.v1.UserService`."""

    @property
    def name(self) -> str:
        """`GetUser`."""

    @property
    def kind(self) -> str:
        """`UNARY`, `SERVER_STREAMING`, `CLIENT_STREAMING` or `BIDI_STREAMING`."""


class AccessWriter(Protocol):
    """Takes a line for each finished call."""

    def write(self, call: Call, code: str, seconds: float) -> None:
        """Keeps the line for later; must not block."""


class Observers:
    """An observer for each method, over the metrics that py-grpc-prometheus defines.

    Names, labels and texts are theirs. Their interceptor is not used: it never counts a server
    stream as handled nor a client stream as started.
    """

    def __init__(self, registry: CollectorRegistry, access_log: AccessWriter) -> None:
        metrics = server_metrics.init_metrics(registry)
        # The histogram's former name, on which nothing would ever be observed.
        registry.unregister(metrics[_LEGACY])
        # Their buckets begin at 5 ms, and would hold nearly every call of ours in the first.
        registry.unregister(metrics[_SECONDS])
        [timed] = metrics[_SECONDS].describe()
        self._started: Counter = metrics["grpc_server_started_counter"]
        self._received: Counter = metrics["grpc_server_stream_msg_received"]
        self._sent: Counter = metrics["grpc_server_stream_msg_sent"]
        self._seconds = Histogram(
            timed.name, timed.documentation, _LABELS, buckets=_BUCKETS, registry=registry
        )
        self._handled: Counter = server_metrics.get_grpc_server_handled_counter(
            is_legacy=False, registry=registry
        )
        self._access_log = access_log

    def observe(self, method: ObservedMethod) -> "CallObserver":
        """The observer of one method's calls; its label children are looked up here, once."""
        labels = (method.kind, method.service, method.name)
        unary = method.kind == "UNARY"
        return CallObserver(
            begun=self._started.labels(*labels),
            messages_in=None if unary else self._received.labels(*labels),
            messages_out=None if unary else self._sent.labels(*labels),
            seconds=self._seconds.labels(*labels) if unary else None,
            handled={code: self._handled.labels(*labels, code.name) for code in _EXPECTED},
            handled_as=lambda code: self._handled.labels(*labels, code.name),
            access_log=self._access_log,
        )


@dataclass(frozen=True, slots=True)
class CallObserver:
    """Counts, times and logs the calls of one method: 4 µs a call, the access line included."""

    begun: Counter
    messages_in: Counter | None
    messages_out: Counter | None
    seconds: Histogram | None
    handled: dict[StatusCode, Counter]
    handled_as: Callable[[StatusCode], Counter]
    access_log: AccessWriter

    def started(self) -> None:
        """A call has begun."""
        self.begun.inc()

    def received(self) -> None:
        """A message of a stream has come in."""
        if self.messages_in is not None:
            self.messages_in.inc()

    def sent(self) -> None:
        """A message of a stream has gone out."""
        if self.messages_out is not None:
            self.messages_out.inc()

    def finished(self, call: Call, code: StatusCode, seconds: float) -> None:
        """The call is over."""
        handled = self.handled.get(code)
        if handled is None:
            handled = self.handled[code] = self.handled_as(code)
        handled.inc()
        if self.seconds is not None:
            self.seconds.observe(seconds)
        self.access_log.write(call, code.name, seconds)


Read = Callable[[], float]


class Instruments:
    """Gauges and counters that are read when Prometheus asks, and counters to hand to services."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._pulled = _Pulled()
        registry.register(self._pulled)

    def gauge(self, name: str, about: str, read: Read, **labels: str) -> None:
        """Shows `read()` as a gauge; the same name again takes other values of the same labels."""
        self._pulled.add(GaugeMetricFamily, name, about, labels, read)

    def counter(self, name: str, about: str, read: Read, **labels: str) -> None:
        """Shows `read()`, which only grows, as a counter; `name` ends in `_total`."""
        self._pulled.add(CounterMetricFamily, name, about, labels, read)

    def tally(self, name: str, about: str, label: str, *expected: str) -> Callable[[str], None]:
        """A counter by the values of one label, as a function that counts one more of a value.

        The values must be few and never name anybody; the expected are shown from the start.
        """
        counter = Counter(name, about, [label], registry=self._registry)
        for value in expected:
            counter.labels(value)

        def count(value: str) -> None:
            counter.labels(value).inc()

        return count


_Family = type[GaugeMetricFamily] | type[CounterMetricFamily]


class _Pulled(Collector):
    """Asks for each value when it is scraped; one that cannot be had is left out."""

    def __init__(self) -> None:
        self._families: dict[tuple[_Family, str, str, tuple[str, ...]], dict[tuple[str, ...], Read]]
        self._families = {}

    def add(self, kind: _Family, name: str, about: str, labels: dict[str, str], read: Read) -> None:
        """Adds a series. Raises ValueError when there is one of the same name and labels."""
        family = self._families.setdefault((kind, name, about, tuple(labels)), {})
        if tuple(labels.values()) in family:
            raise ValueError(f"{name}{labels} is there already")
        family[tuple(labels.values())] = read

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """The families with the values of now."""
        for (kind, name, about, labels), reads in list(self._families.items()):
            family = kind(name, about, labels=labels)
            for values, read in list(reads.items()):
                try:
                    family.add_metric(values, float(read()))
                except Exception:
                    log.exception("a metric cannot be read", metric=name)
            yield family


class Pool(Protocol):
    """A pool of threads for calls; transport's `CallPool` is one."""

    @property
    def name(self) -> str:
        """As the label `pool` has it."""

    @property
    def carried(self) -> int:
        """Calls in it, waiting ones included."""

    @property
    def receiving(self) -> int:
        """Calls that have been opened and whose message has not come."""

    @property
    def limit(self) -> int:
        """How many it may carry."""


class Cache(Protocol):
    """A cache that counts; storage's `FollowingCache` is one."""

    @property
    def hits(self) -> int:
        """Answers from memory."""

    @property
    def misses(self) -> int:
        """Answers that had to be loaded."""


class ServiceMetrics:
    """Gatehouse's own metrics: their names and what they mean, in one place."""

    def __init__(self, instruments: Instruments) -> None:
        self._gauge = instruments.gauge
        self._counter = instruments.counter
        tally = instruments.tally
        name, about = "gatehouse_logins_total", "Sign-ins with a password."
        self.logins = tally(name, about, "outcome", "accepted", "refused", "throttled")
        name, about = "gatehouse_federated_logins_total", "Sign-ins at an identity provider."
        outcomes = ("accepted", "refused", "throttled", "unavailable")
        self.federated_logins = tally(name, about, "outcome", *outcomes)
        name, about = "gatehouse_refreshes_total", "Uses of refresh tokens."
        self.refreshes = tally(name, about, "outcome", "accepted", "refused", "stolen")
        name, about = "gatehouse_token_exchanges_total", "API keys and tokens exchanged."
        self.exchanges = tally(name, about, "outcome", "accepted", "refused")

    def show_pool(self, pool: Pool) -> None:
        """A pool that calls run on."""
        label = {"pool": pool.name}
        about = "Calls in the pool, waiting ones included."
        self._gauge("gatehouse_pool_calls", about, lambda: pool.carried, **label)
        about = "Calls opened for the pool whose message has not come; no thread waits for it."
        self._gauge("gatehouse_pool_calls_receiving", about, lambda: pool.receiving, **label)
        about = "Calls the pool may carry; one more is refused."
        self._gauge("gatehouse_pool_calls_limit", about, lambda: pool.limit, **label)

    def show_cache(self, name: str, cache: Cache) -> None:
        """A cache in the process."""
        about = "Answers from the process's memory."
        self._counter("gatehouse_cache_hits_total", about, lambda: cache.hits, cache=name)
        about = "Answers that had to be loaded."
        self._counter("gatehouse_cache_misses_total", about, lambda: cache.misses, cache=name)

    def show_database(self, *, in_use: Read, size: Read, last_read_age: Read) -> None:
        """The connection pool, and how many seconds ago the change feed was last read."""
        about = "Database connections in use."
        self._gauge("gatehouse_database_connections_in_use", about, in_use)
        about = "Database connections there may be."
        self._gauge("gatehouse_database_connections_limit", about, size)
        about = "Seconds since PostgreSQL was last read; over 3, nothing remembered is believed."
        self._gauge("gatehouse_database_last_read_age_seconds", about, last_read_age)

    def show_hashing(self, *, waiting: Read, running: Read) -> None:
        """The queue for password hashing."""
        about = "Passwords to hash or check that wait for a thread."
        self._gauge("gatehouse_hashing_waiting", about, waiting)
        about = "Passwords being hashed or checked."
        self._gauge("gatehouse_hashing_running", about, running)

    def show_transfers(self, *, under_way: Read, received: Read, sent: Read) -> None:
        """Uploads and downloads under way, and the bytes of files that have come and gone."""
        self._gauge("gatehouse_transfers", "Uploads and downloads under way.", under_way)
        name = "gatehouse_file_bytes_total"
        about = "Bytes of files' content, received and sent."
        self._counter(name, about, received, direction="received")
        self._counter(name, about, sent, direction="sent")

    def show_streams(self, *, watchers: Read, access_lines_dropped: Read) -> None:
        """Open watchers, and access lines that were dropped because their stream blocked."""
        self._gauge("gatehouse_watchers", "Streams of news that are open.", watchers)
        about = "Access lines dropped because the stream did not take them."
        self._counter("gatehouse_access_lines_dropped_total", about, access_lines_dropped)
