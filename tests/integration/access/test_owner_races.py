"""Of two who would together take the last owner, the second in the order is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.kernel.call import Call
from tests.support.house import House
from tests.support.refusals import FAILED_PRECONDITION, refused
from tests.support.waiting import wait_until

OWNER = "roles/owner"
_WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"


@pytest.mark.parametrize("rpc", ["SuspendUser", "DeleteUser"])
def test_who_comes_second_is_refused(open_house: Callable[..., House], rpc: str) -> None:
    """The first is suspended, and waits with its commit until the second waits for it."""
    gatehouse = open_house()
    services, admin = gatehouse.application.services, gatehouse.admin
    other = gatehouse.new_person(OWNER).name
    with (
        ThreadPoolExecutor(1) as threads,
        services.database.transaction(Call.internal("test")) as tx,
    ):
        services.graph.set_state(tx, admin.name, "SUSPENDED")
        second = threads.submit(getattr(admin.users, rpc), name=other)
        wait_until(lambda: gatehouse.sql(_WAITING), "the second")
        tx.commit(None)
        with refused(FAILED_PRECONDITION, reason="LAST_OWNER"):
            second.result()
