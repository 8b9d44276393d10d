"""The pipeline around a service that only tests have, over pytest-grpc's fixtures."""

import tempfile
import threading
from collections.abc import Callable, Iterator

import grpc
import pytest

from service.transport.methods import methods_of
from service.transport.pipeline import Pipeline
from service.transport.pool import CallPool
from service.transport.standard import Health
from service.transport.transfers import Transfers
from service.transport.watching import Senders
from tests.support.clients import Service
from tests.unit.transport.trial import ADA, TRIAL, Observer, Trial


@pytest.fixture(scope="module")
def grpc_servicer() -> Trial:
    return Trial()


@pytest.fixture
def trial(grpc_servicer: Trial, grpc_stub: Service) -> Iterator[Trial]:
    """What the test tells how to behave, and asks what happened."""
    grpc_servicer.begin()
    yield grpc_servicer
    grpc_servicer.begin()


@pytest.fixture(scope="module")
def grpc_addr() -> Iterator[str]:
    """A socket in a folder: pytest-grpc's own leaks the one that it finds a port with."""
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        yield f"unix:{folder}/grpc"


@pytest.fixture(scope="module")
def pool() -> Iterator[CallPool]:
    """Carries four calls, two of them at a time."""
    made = CallPool("calls", threads=2, limit=4)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def senders() -> Iterator[Senders]:
    made = Senders()
    made.start()
    yield made
    made.end_all()
    made.stop()


@pytest.fixture(scope="module")
def health(senders: Senders) -> Iterator[Health]:
    probes = CallPool("probes", threads=1, limit=100)
    yield Health([TRIAL.full_name], probes, senders)
    probes.shutdown()


@pytest.fixture(scope="module")
def transfers() -> Transfers:
    return Transfers()


@pytest.fixture(scope="module")
def grpc_interceptors(
    grpc_servicer: Trial, pool: CallPool, senders: Senders, transfers: Transfers
) -> Iterator[list[grpc.ServerInterceptor]]:
    shed = CallPool("shed", threads=1, limit=100)
    pipeline = Pipeline(
        methods_of([TRIAL]),
        authenticator=grpc_servicer,
        authorizer=grpc_servicer,
        throttle=grpc_servicer,
        observe=lambda method: Observer(grpc_servicer),
        pool_of=lambda method: pool,
        shed_pool=shed,
        senders=senders,
        transfers=transfers,
    )
    pipeline.open = True
    yield [pipeline]
    shed.shutdown()


@pytest.fixture(scope="module")
def grpc_add_to_server(health: Health) -> Callable[[Trial, grpc.Server], None]:
    def add(servicer: Trial, server: grpc.Server) -> None:
        health.add_to(server)
        handlers = {
            it.name: _FACTORIES[it.client_streaming, it.server_streaming](
                getattr(servicer, it.name)
            )
            for it in TRIAL.methods
        }
        generic = grpc.method_handlers_generic_handler(TRIAL.full_name, handlers)
        server.add_generic_rpc_handlers((generic,))

    return add


_FACTORIES = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
}


@pytest.fixture(scope="module")
def grpc_stub_cls() -> Callable[[grpc.Channel], Service]:
    """Ada's stub."""
    return lambda channel: Service(TRIAL, channel, ADA)


@pytest.fixture
def ada(grpc_stub: Service, trial: Trial) -> Service:
    """The service as Ada calls it."""
    return grpc_stub


@pytest.fixture
def stranger(grpc_channel: grpc.Channel, trial: Trial) -> Service:
    """The service as somebody without a token calls it."""
    return Service(TRIAL, grpc_channel, ())


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Opens at the end at the latest, so that nobody waits at it for ever."""
    event = threading.Event()
    yield event
    event.set()
