"""Two who change groups at once: no cycle, always an owner, no fault."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import grpc
import pytest

from service.kernel.call import Call
from service.storage import database
from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import FAILED_PRECONDITION, NOT_FOUND, read, refused

CALL = Call.internal("test")
ROUNDS = 15


def new_groups(admin: Person, count: int) -> list[str]:
    return [admin.groups.CreateGroup(group={}).group.name for _ in range(count)]


def at_once(calls: list[Callable[[], Any]]) -> list[str]:
    """Begins all at the same moment; answers the reason of each that is refused."""
    together = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> str:
        together.wait()
        try:
            call()
        except grpc.RpcError as error:
            return read(error).reason
        return ""

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


@pytest.mark.parametrize("size", [2, 3])
def test_of_memberships_that_together_close_a_cycle_one_is_refused(
    admin: Person, size: int
) -> None:
    for _ in range(ROUNDS):
        groups = new_groups(admin, size)
        pairs = zip(groups, [*groups[1:], groups[0]], strict=True)
        add = admin.groups.AddMember
        refusals = at_once([partial(add, group=one, member=other) for one, other in pairs])
        assert sorted(refusals) == [*[""] * (size - 1), "GROUP_CYCLE"]


def test_who_would_close_a_cycle_waits_for_who_is_opening_it(
    gatehouse: House, admin: Person, meanwhile: Any
) -> None:
    services = gatehouse.application.services
    one, other = new_groups(admin, 2)
    with services.database.transaction(CALL) as tx:
        services.graph.add_member(tx, one, other)
        closing = meanwhile(lambda: admin.groups.AddMember(group=other, member=one))
        tx.commit(None)
    with refused(FAILED_PRECONDITION, reason="GROUP_CYCLE"):
        closing.result()


class TestOwners:
    """Somebody owns `/`, whoever leaves."""

    @pytest.fixture
    def couple(self, open_house: Callable[..., House]) -> tuple[str, Person, Person]:
        """Two who own everything, by one group, and nobody else does."""
        house = open_house()
        admin, other = house.admin, house.new_person()
        [group] = new_groups(admin, 1)
        house.grant(group, "roles/owner")
        for member in (admin, other):
            admin.groups.AddMember(group=group, member=member.name)
        [own] = [it for it in admin.access.ListGrants(subject=admin.name).grants if it.path == "/"]
        admin.access.DeleteGrant(name=own.name)
        return group, admin, other

    def test_the_last_two_owners_do_not_leave_at_once(
        self, couple: tuple[str, Person, Person]
    ) -> None:
        group, *people = couple
        for _ in range(ROUNDS):
            leave = {"group": group, "member": "users/me"}
            refusals = at_once([partial(one.groups.RemoveMember, **leave) for one in people])
            assert sorted(refusals) == ["", "LAST_OWNER"]
            left = people[refusals.index("LAST_OWNER")]
            assert list(left.groups.ListMembers(group=group).members) == [left.name]
            for one in people:
                left.groups.AddMember(group=group, member=one.name)

    def test_nor_does_each_remove_the_other(self, couple: tuple[str, Person, Person]) -> None:
        group, one, other = couple
        for _ in range(ROUNDS):
            refusals = at_once(
                [
                    partial(one.groups.RemoveMember, group=group, member=other.name),
                    partial(other.groups.RemoveMember, group=group, member=one.name),
                ]
            )
            # Who comes second is no owner any more.
            assert refusals.count("") == 1
            assert set(refusals) <= {"", "NOT_HELD", "PERMISSION_MISSING"}
            left = (one, other)[refusals.index("")]
            for member in (one, other):
                left.groups.AddMember(group=group, member=member.name)


def test_a_right_taken_away_meanwhile_is_not_passed_on(
    gatehouse: House, admin: Person, bob: Person, meanwhile: Any
) -> None:
    """The call was allowed before it came to wait; what counts is what is held when it is done."""
    services = gatehouse.application.services
    keeper = gatehouse.new_person("roles/admin")
    owner = gatehouse.grant(keeper.name, "roles/owner")
    [group] = new_groups(admin, 1)
    gatehouse.grant(group, "roles/owner")
    with services.database.transaction(CALL) as tx:
        tx.connection.exec_driver_sql(
            "DELETE FROM grants WHERE id = %s", (owner.name.removeprefix("grants/"),)
        )
        tx.in_order()
        adding = meanwhile(lambda: keeper.groups.AddMember(group=group, member=bob.name))
        tx.commit(None)
    with pytest.raises(grpc.RpcError) as refusal:
        adding.result()
    assert read(refusal.value).reason == "NOT_HELD"
    assert list(admin.groups.ListMembers(group=group).members) == []


def test_a_member_that_is_being_deleted_is_waited_for(
    gatehouse: House, admin: Person, meanwhile: Any
) -> None:
    services = gatehouse.application.services
    outer, inner = new_groups(admin, 2)
    with services.database.transaction(CALL) as tx:
        services.graph.remove_subject(tx, inner)
        adding = meanwhile(lambda: admin.groups.AddMember(group=outer, member=inner))
        tx.commit(None)
    with refused(NOT_FOUND, reason="SUBJECT_NOT_FOUND"):
        adding.result()


def test_whoever_is_being_added_and_deleted_at_once_ends_as_no_member(admin: Person) -> None:
    for _ in range(ROUNDS):
        outer, inner = new_groups(admin, 2)
        admin.groups.AddMember(group=outer, member=admin.name)
        refusals = at_once(
            [
                partial(admin.groups.AddMember, group=outer, member=inner),
                partial(admin.groups.DeleteGroup, name=inner),
                partial(admin.groups.RemoveMember, group=outer, member=inner),
            ]
        )
        assert refusals[1] == ""
        assert {refusals[0], refusals[2]} <= {"", "SUBJECT_NOT_FOUND"}
        assert list(admin.groups.ListMembers(group=outer).members) == [admin.name]


def test_nobody_waits_for_each_other_in_a_circle(
    gatehouse: House, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL would end one of them after a second, and it would be done again."""
    faults: list[Exception] = []
    told = database._in_our_words

    def note(error: Any) -> Exception:
        faults.append(error)
        return told(error)

    monkeypatch.setattr(database, "_in_our_words", note)
    for _ in range(ROUNDS):
        outer, inner, other = new_groups(admin, 3)
        grant = gatehouse.grant(inner, "roles/auditor", "/somewhere").name
        admin.groups.AddMember(group=inner, member=admin.name)
        at_once(
            [
                partial(admin.groups.AddMember, group=outer, member=inner),
                partial(admin.groups.AddMember, group=other, member=inner),
                partial(admin.groups.AddMember, group=inner, member=other),
                partial(admin.groups.RemoveMember, group=inner, member=admin.name),
                partial(admin.access.DeleteGrant, name=grant),
                partial(admin.groups.DeleteGroup, name=inner),
                partial(admin.groups.DeleteGroup, name=other),
            ]
        )
    assert faults == []
