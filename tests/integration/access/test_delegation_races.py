"""What is taken from somebody while they pass it on is not passed on after it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from service.access.models import State
from service.kernel.call import Call
from service.kernel.changes import ChangeKind
from service.storage.database import Tx
from service.wiring import Services
from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import PERMISSION_DENIED, refused

PATH, ROLE = "/handed-on", "roles/auditor"
Begin = Callable[..., Future[Any]]


@pytest.fixture
def services(gatehouse: House) -> Services:
    return gatehouse.application.services


@pytest.fixture
def granter(gatehouse: House) -> Person:
    """May grant everything of Gatehouse's own below a path; and holds it by a group, too."""
    return gatehouse.new_person()


@contextmanager
def committing(services: Services) -> Iterator[Tx]:
    """A transaction that has its place in the order, and is committed when the block ends."""
    with services.database.transaction(Call.internal("test")) as tx:
        yield tx
        tx.commit(None)


def take_back(services: Services, tx: Tx, subject: str, how: str) -> None:
    if how == "suspended":
        services.graph.set_state(tx, subject, State.SUSPENDED)
    elif how == "taken out of the group":
        services.graph.remove_member(tx, "groups/handing", subject)
    else:
        delete = "DELETE FROM grants WHERE subject = :subject AND path = :path"
        deny = "UPDATE grants SET effect = 'DENY' WHERE subject = :subject AND path = :path"
        statement = text(delete if how == "revoked" else deny)
        tx.connection.execute(statement, {"subject": subject, "path": PATH})
        tx.change(ChangeKind.GRANTS, f"{subject} {PATH}")
    tx.in_order()


@pytest.mark.parametrize("how", ["revoked", "denied", "suspended", "taken out of the group"])
def test_a_right_that_is_being_taken_away_is_not_passed_on(
    gatehouse: House, services: Services, granter: Person, meanwhile: Begin, how: str
) -> None:
    if how == "taken out of the group":
        gatehouse.admin.groups.CreateGroup(group={"name": "groups/handing"})
        gatehouse.admin.groups.AddMember(group="groups/handing", member=granter.name)
    whose = "groups/handing" if how == "taken out of the group" else granter.name
    gatehouse.grant(whose, "roles/admin", PATH)
    whom = gatehouse.new_user().name
    with committing(services) as tx:
        take_back(services, tx, granter.name, how)
        asked = {"path": PATH, "role": ROLE, "subject": whom}
        passing = meanwhile(lambda: granter.access.CreateGrant(**asked))
        assert not passing.done(), "it waits for its place in the order"
    with refused(PERMISSION_DENIED, reason="NOT_HELD"):
        passing.result()
    assert not gatehouse.admin.access.ListGrants(subject=whom).grants
    assert not services.access.allows(whom, "users.read", PATH)


def test_the_right_to_grant_is_looked_at_then_too(
    gatehouse: House, services: Services, granter: Person, meanwhile: Begin
) -> None:
    gatehouse.grant(granter.name, ROLE, "/")
    gatehouse.grant(granter.name, "roles/admin", PATH)
    whom = gatehouse.new_user().name
    with committing(services) as tx:
        take_back(services, tx, granter.name, "revoked")
        asked = {"path": PATH, "role": ROLE, "subject": whom}
        passing = meanwhile(lambda: granter.access.CreateGrant(**asked))
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        passing.result()
    assert refusal.metadata["permission"] == "grants.create"


def test_what_was_passed_on_before_stays(
    gatehouse: House, services: Services, granter: Person
) -> None:
    gatehouse.grant(granter.name, "roles/admin", PATH)
    whom = gatehouse.new_user().name
    granter.access.CreateGrant(path=PATH, role=ROLE, subject=whom)
    with committing(services) as tx:
        take_back(services, tx, granter.name, "revoked")
    assert services.access.allows(whom, "users.read", PATH)
