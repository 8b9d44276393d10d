"""A password is checked before the transaction that relies on it; what happens meanwhile counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from passlib.hash import bcrypt

from service.kernel import names
from service.kernel.call import Call
from service.storage.database import Tx
from tests.support.clients import Credentials, Person
from tests.support.house import PASSWORD, House
from tests.support.refusals import UNAUTHENTICATED, refused

NEW, OTHER = "eleven green lanterns hum", "nine orange kettles whistle"
_KEEP = "UPDATE users SET password_hash = %s WHERE id = %s"


@contextmanager
def held(gatehouse: House, person: Person) -> Iterator[Tx]:
    """A transaction that keeps everyone else from changing the person until the block ends."""
    with gatehouse.application.services.database.transaction(Call.internal("test")) as tx:
        tx.connection.exec_driver_sql(
            "SELECT 1 FROM users WHERE id = %s FOR UPDATE", (names.user_id(person.name),)
        )
        yield tx
        tx.commit(None)


@pytest.fixture
def imported(gatehouse: House, ada: Person) -> Person:
    """Somebody whose hash came from elsewhere, and is upgraded at the next sign-in."""
    kept = bcrypt.using(rounds=4).hash(PASSWORD)
    with held(gatehouse, ada) as tx:
        tx.connection.exec_driver_sql(_KEEP, (kept, names.user_id(ada.name)))
    return ada


def change(person: Person) -> Any:
    return person.auth.ChangePassword(current_password=PASSWORD, new_password=NEW)


def test_the_right_password_is_right_while_its_hash_is_being_upgraded(
    gatehouse: House, imported: Person, meanwhile: Any
) -> None:
    with held(gatehouse, imported):
        sign_ins = [meanwhile(lambda: gatehouse.sign_in(imported.credentials)) for _ in range(3)]
    assert len({sign_in.result().session for sign_in in sign_ins}) == 3


def test_a_password_that_was_changed_meanwhile_is_not_overwritten(
    gatehouse: House, ada: Person, meanwhile: Any
) -> None:
    hashed = gatehouse.application.services.hasher.hash(OTHER)
    with held(gatehouse, ada) as tx:
        thief = meanwhile(lambda: change(ada))
        tx.connection.exec_driver_sql(_KEEP, (hashed, names.user_id(ada.name)))
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        thief.result()
    gatehouse.sign_in(Credentials(ada.name, ada.email, OTHER))


def test_whose_session_ended_meanwhile_changes_no_password(
    gatehouse: House, ada: Person, meanwhile: Any
) -> None:
    with held(gatehouse, ada) as tx:
        thief = meanwhile(lambda: change(ada))
        gatehouse.application.services.sessions.end_all(tx, ada.name)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        thief.result()
    gatehouse.sign_in(ada.credentials)
