"""The start: no call before there is a database, and the first admin's password is never lost."""

from collections.abc import Iterator
from http.client import HTTPConnection
from types import SimpleNamespace

import grpc
import pytest

from service.kernel.errors import Unavailable
from service.wiring import Application
from service.wiring.services import Services
from tests.support.clients import Client
from tests.support.databases import Databases
from tests.support.house import ADMIN_EMAIL, PASSWORD, settings
from tests.support.refusals import UNAVAILABLE, refused


@pytest.fixture
def starting(databases: Databases) -> Iterator[Application]:
    """One that listens, its database still empty."""
    application = Application(settings(), databases.new())
    application.listen()
    yield application
    application.stop(grace=0)


@pytest.fixture
def services(databases: Databases) -> Iterator[Services]:
    """The use cases over an empty database."""
    made = Services(settings(), databases.new(), SimpleNamespace())  # type: ignore[arg-type]
    yield made
    made.stop()


def jwks(application: Application) -> int:
    connection = HTTPConnection("127.0.0.1", application.ops.port, timeout=20)
    connection.request("GET", "/.well-known/jwks.json")
    status = connection.getresponse().status
    connection.close()
    return status


def test_who_comes_before_the_server_serves_is_asked_to_come_again(starting: Application) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{starting.grpc_port}") as channel:
        auth = Client(channel).auth
        for call in (auth.GetJwks, lambda: auth.Login(email=ADMIN_EMAIL, password=PASSWORD)):
            with refused(UNAVAILABLE, reason="DATABASE_UNAVAILABLE"):
                call()
        assert jwks(starting) == 503
        starting.prepare()
        starting.serve()
        assert len(auth.GetJwks().keys) == 1
        assert jwks(starting) == 200


def test_the_first_admin_is_told_of_though_the_database_went_away_in_between(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(services.keys, "ensure", away)
        with pytest.raises(Unavailable):
            services.prepare()
    assert services.prepare()
    assert services.keys.signing
