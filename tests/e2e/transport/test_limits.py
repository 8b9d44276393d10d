"""Rates, request ids and shedding over the whole service."""

from collections.abc import Callable

import pytest

from service.settings import Rate
from tests.support.clients import Client, Person
from tests.support.house import House
from tests.support.refusals import RESOURCE_EXHAUSTED, UNAUTHENTICATED, refused


def test_a_caller_who_calls_too_often_is_told_when_to_come_back(
    open_house: Callable[..., House],
) -> None:
    gatehouse = open_house(rate_limit=Rate(5, 3600))
    admin = gatehouse.admin
    with refused(RESOURCE_EXHAUSTED, reason="RATE_LIMITED") as refusal:
        for _ in range(6):
            admin.auth.WhoAmI()
    assert refusal.retry_after is not None
    assert 0 < refusal.retry_after <= 3600 / 5


def test_a_caller_too_many_does_not_count_for_others(open_house: Callable[..., House]) -> None:
    gatehouse = open_house(rate_limit=Rate(20, 3600))
    ada, bob = gatehouse.new_person(), gatehouse.new_person()
    with refused(RESOURCE_EXHAUSTED, reason="RATE_LIMITED"):
        for _ in range(21):
            ada.auth.WhoAmI()
    assert bob.auth.WhoAmI().subject == bob.name


def test_who_is_unknown_takes_nothing_from_anybody(open_house: Callable[..., House]) -> None:
    gatehouse = open_house(rate_limit=Rate(5, 3600))
    for _ in range(10):
        with refused(UNAUTHENTICATED, reason="TOKEN_INVALID"):
            gatehouse.anonymous.bearing("x.y.z").auth.WhoAmI()


@pytest.mark.parametrize("given", ["mine-1", "a.b:c_d-e"])
def test_a_request_id_is_echoed_and_kept_with_the_event(
    gatehouse: House, anonymous: Client, ada: Person, given: str
) -> None:
    trailers = ada.auth.Logout.trailers([("x-request-id", given)])
    assert trailers["x-request-id"] == given
    rows = gatehouse.sql(
        "SELECT request_id AS it, actor FROM events WHERE subject = :who"
        " ORDER BY position DESC LIMIT 1",
        who=ada.name,
    )
    assert [(row.it, row.actor) for row in rows] == [(given, ada.name)]


def test_a_call_without_a_request_id_is_given_one(anonymous: Client) -> None:
    assert len(anonymous.auth.GetJwks.trailers()["x-request-id"]) == 32
