"""Whoever ends a session and whoever refreshes it wait for each other."""

from typing import Any

from service.kernel import names
from service.kernel.call import Call
from service.sessions.errors import RefreshTokenInvalid
from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import UNAUTHENTICATED, refused

CALL = Call.internal("test")


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
