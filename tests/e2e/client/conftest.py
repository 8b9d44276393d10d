"""A documents service like that of `examples/`, protected by a real Gatehouse."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from gatehouse_client import ApiKey, connect
from gatehouse_client.server import AioAuthInterceptor, Authenticated, AuthInterceptor, Permission
from service.settings import Settings
from tests.support.clients import Machine
from tests.support.house import House
from tests.support.waiting import wait_until
from tests.unit.client.server.trial_service import SERVICE, Trial, TrialClient, served, served_aio

READ = Permission("documents.read", "/projects/{value}")
RULES = {
    f"/{SERVICE}/Ask": READ,
    f"/{SERVICE}/Listen": READ,
    f"/{SERVICE}/Whoever": Authenticated(),
}


@dataclass
class Protected:
    """The service: `calling(token)` is a client of it."""

    channel: grpc.Channel
    trial: Trial
    guard: Any

    def calling(self, token: str) -> TrialClient:
        return TrialClient(self.channel, token)


def make_roles(gatehouse: House) -> None:
    """What the service's permissions are good for, and what the service itself needs."""
    roles = {
        "roles/checker": ["access.check", "revocations.read"],
        "roles/reader": ["documents.read"],
    }
    known = {it.name for it in gatehouse.admin.roles.ListRoles().roles}
    for name in roles.keys() - known:
        gatehouse.admin.roles.CreateRole(role={"name": name, "permissions": roles[name]})


@pytest.fixture
def checker(gatehouse: House) -> Machine:
    """The service's own account."""
    make_roles(gatehouse)
    return gatehouse.new_service("roles/checker", scopes=["access:read", "auth:read"])


@pytest.fixture
def protect() -> Iterator[Callable[..., Protected]]:
    """Serves it beside a Gatehouse, with `grpc.server` or with `grpc.aio.server`."""
    with ExitStack() as stack:

        def begin(address: str, api_key: str, kind: str = "sync") -> Protected:
            gatehouse = stack.enter_context(connect(address, credentials=ApiKey(api_key)))
            names = {"issuer": Settings().issuer, "audience": Settings().audience}
            trial, guard, serving = Trial(), None, None
            if kind == "sync":
                guard = AuthInterceptor(gatehouse, RULES, **names)
                serving = served(trial, guard)
            else:
                guard = AioAuthInterceptor(gatehouse, RULES, **names)
                serving = served_aio(trial, guard)
            stack.callback(guard.close)
            ours = stack.enter_context(serving)
            channel = stack.enter_context(grpc.insecure_channel(ours))
            wait_until(lambda: guard._authorizer._feed.begun, "the first word")
            return Protected(channel, trial, guard)

        yield begin
