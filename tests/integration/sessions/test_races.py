"""Whoever ends a session and whoever refreshes it wait for each other."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from service.kernel import names
from service.kernel.call import Call
from service.sessions.errors import RefreshTokenInvalid
from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import UNAUTHENTICATED, refused
from tests.support.waiting import wait_until

CALL = Call.internal("test")
_WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"


@pytest.fixture
def meanwhile(gatehouse: House) -> Any:
    """Begins something in a thread, and returns once it is done or waits for a lock."""
    with ThreadPoolExecutor(1) as thread:

        def begin(work: Callable[[], object]) -> Future[object]:
            begun = thread.submit(work)
            wait_until(lambda: begun.done() or gatehouse.sql(_WAITING), "the wait for the lock")
            return begun

        yield begin


def test_a_refresh_waits_for_who_is_ending_the_session(
    gatehouse: House, ada: Person, meanwhile: Any
) -> None:
    services = gatehouse.application.services
    with services.database.transaction(CALL) as tx:
        services.sessions.end_all(tx, ada.name)
        refresh = meanwhile(lambda: services.sessions.refresh(CALL, ada.tokens.refresh_token))
        tx.commit(None)
    assert isinstance(refresh.exception(), RefreshTokenInvalid)


def test_who_signs_in_while_being_suspended_gets_no_session(
    gatehouse: House, ada: Person, meanwhile: Any
) -> None:
    services = gatehouse.application.services
    user_id = names.user_id(ada.name)
    with services.database.transaction(CALL) as tx:
        tx.connection.exec_driver_sql(
            "UPDATE users SET state = 'SUSPENDED' WHERE id = %s", (user_id,)
        )
        services.sessions.end_all(tx, ada.name)
        sign_in = meanwhile(lambda: gatehouse.sign_in(ada.credentials))
        tx.commit(None)
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        sign_in.result()
