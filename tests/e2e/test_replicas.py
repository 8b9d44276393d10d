"""Two replicas on one database: what one commits, the other knows."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import grpc
import jwt
import pytest

from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, new_email, settings
from tests.support.refusals import UNAUTHENTICATED, read, refused
from tests.support.waiting import wait_until

Pair = tuple[House, House]


@pytest.fixture(scope="module")
def pair(databases: Databases) -> Iterator[Pair]:
    stores = databases.new()
    with house(stores, settings()) as here, house(stores, settings()) as there:
        yield here, there


@pytest.fixture(scope="module")
def unlike(databases: Databases) -> Iterator[Pair]:
    """One gives tokens for an hour, the other for ten seconds."""
    stores = databases.new()
    hour, ten_seconds = timedelta(hours=1), timedelta(seconds=10)
    with (
        house(stores, settings(access_token_lifetime=hour)) as long,
        house(stores, settings(access_token_lifetime=ten_seconds)) as short,
    ):
        yield long, short


def end_of_the_revocation(gatehouse: House, person: Person) -> float:
    person.auth.Logout()
    [row] = gatehouse.sql(
        "SELECT extract(epoch FROM expire_time) AS it FROM changes WHERE key = :it",
        it=person.session,
    )
    return float(row.it)


def end_of(access_token: str) -> float:
    claims = jwt.decode(access_token, options={"verify_signature": False})
    return float(claims["exp"])


def beside(person: Person, other: House) -> Person:
    """The same person with the same token at the other replica."""
    return Person(other.channel, person.credentials, person.tokens)


def refused_there(person: Person) -> bool:
    try:
        person.auth.WhoAmI()
    except grpc.RpcError as error:
        return read(error).reason == "SESSION_REVOKED"
    return False


def test_a_token_of_one_is_good_at_the_other(pair: Pair) -> None:
    here, there = pair
    ada = here.new_person()
    assert beside(ada, there).auth.WhoAmI().session == ada.session


def test_a_session_ended_at_one_is_refused_at_the_other(pair: Pair) -> None:
    here, there = pair
    ada = here.new_person()
    ada_there = beside(ada, there)
    ada_there.auth.WhoAmI()
    ada.auth.Logout()
    wait_until(lambda: refused_there(ada_there), "the refusal")


def test_it_is_refused_even_when_redis_says_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    ada = here.new_person()
    ada_there = beside(ada, there)
    ada_there.auth.WhoAmI()
    wakeup = here.application.services.feed._wakeup
    monkeypatch.setattr(wakeup, "_channel", "gatehouse:nobody")
    ada.auth.Logout()
    wait_until(lambda: refused_there(ada_there), "the refusal")


def test_a_role_given_at_one_counts_at_the_other(pair: Pair) -> None:
    here, there = pair
    ada = here.new_person()
    ada_there = beside(ada, there)
    assert list(ada_there.auth.WhoAmI().roles) == []
    here.grant(ada.name, "roles/auditor")
    wait_until(lambda: list(ada_there.auth.WhoAmI().roles) == ["roles/auditor"], "the role")
    here.take_roles(ada.name)
    wait_until(lambda: list(ada_there.auth.WhoAmI().roles) == [], "its end")


def test_a_name_changed_at_one_is_told_by_the_other(pair: Pair) -> None:
    here, there = pair
    ada = here.new_person(display_name="Ada")
    ada_there = beside(ada, there)
    assert ada_there.auth.WhoAmI().display_name == "Ada"
    ada.users.UpdateUser(user={"name": "users/me", "display_name": "Augusta"})
    wait_until(lambda: ada_there.auth.WhoAmI().display_name == "Augusta", "the new name")


def test_a_lost_answer_is_asked_for_again_at_the_other(pair: Pair) -> None:
    here, there = pair
    token = here.new_person().tokens.refresh_token
    answers = [it.anonymous.auth.RefreshToken(refresh_token=token).tokens for it in (here, there)]
    assert answers[0].refresh_token == answers[1].refresh_token


def test_one_request_at_both_has_one_effect(pair: Pair) -> None:
    wanted = {"user": {"email": new_email()}, "request_id": str(uuid4())}
    admins = [pair[0].admin, beside(pair[0].admin, pair[1])]
    calls = [admins[n % 2].users.CreateUser.future(**wanted) for n in range(10)]
    names = {call.result().user.name for call in calls if call.exception() is None}
    assert len(names) == 1


def test_a_watcher_at_one_hears_of_what_the_other_ended(pair: Pair) -> None:
    here, there = pair
    stream = beside(here.admin, there).auth.WatchRevocations()
    next(stream)
    ada = here.new_person()
    ada.auth.Logout()
    assert any(ada.session in {it.session for it in news.revocations} for news in stream)
    stream.cancel()


def test_a_page_token_of_one_is_good_at_the_other(pair: Pair) -> None:
    here, there = pair
    here.new_person()
    token = here.admin.users.ListUsers(page_size=1).next_page_token
    assert beside(here.admin, there).users.ListUsers(page_token=token).users


def test_who_was_suspended_at_one_cannot_sign_in_at_the_other(pair: Pair) -> None:
    here, there = pair
    ada = here.new_person()
    here.admin.users.SuspendUser(name=ada.name)
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        there.sign_in(ada.credentials)


def test_a_revocation_outlives_every_token_whoever_gave_it(unlike: Pair) -> None:
    long, short = unlike
    ada = long.new_person()
    short.anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token)
    ended = end_of_the_revocation(short, beside(ada, short))
    assert ended >= end_of(ada.tokens.access_token)


def test_a_refresh_that_another_repeats_gives_no_token_that_outlives_a_revocation(
    unlike: Pair,
) -> None:
    long, short = unlike
    ada = short.new_person()
    asked = {"refresh_token": ada.tokens.refresh_token}
    short.anonymous.auth.RefreshToken(**asked)
    repeated = long.anonymous.auth.RefreshToken(**asked).tokens
    assert end_of_the_revocation(short, beside(ada, short)) >= end_of(repeated.access_token)
