"""A token is good for as long as the mail says, by the database's clock, and is then deleted."""

from collections.abc import Iterator

import pytest

from service.storage.retention import purge
from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, new_email, settings, worked_off
from tests.support.mailbox import Mailbox, token_in
from tests.support.moved_clock import MovedClock
from tests.support.post import Post, give_token
from tests.support.refusals import UNAUTHENTICATED, refused

NEW = "eleven green lanterns hum"
MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture(scope="module")
def clock_and_house(databases: Databases) -> Iterator[tuple[MovedClock, House]]:
    stores = databases.new()
    clock = MovedClock(stores)
    with house(stores, settings()) as running, worked_off(running):
        yield clock, running


@pytest.fixture
def clock(clock_and_house: tuple[MovedClock, House]) -> MovedClock:
    return clock_and_house[0]


@pytest.fixture
def post(clock_and_house: tuple[MovedClock, House]) -> Post:
    """With the admin signed in now, however late it has become."""
    running = clock_and_house[1]
    running.admin = running.sign_in(running.admin.credentials)
    return Post(running, Mailbox(running.settings.mail_folder))


def later(clock: MovedClock, post: Post, seconds: float) -> None:
    clock.move(seconds, post.house.application.services)


def test_a_reset_can_be_done_for_half_an_hour(clock: MovedClock, post: Post) -> None:
    email = post.house.new_user().email
    token = post.reset_token(email)
    later(clock, post, 29 * MINUTE)
    post.house.anonymous.auth.ResetPassword(token=token, new_password=NEW)


def test_and_not_after(clock: MovedClock, post: Post) -> None:
    token = post.reset_token(post.house.new_user().email)
    later(clock, post, 30 * MINUTE)
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        post.house.anonymous.auth.ResetPassword(token=token, new_password=NEW)


@pytest.mark.parametrize(("hours", "good"), [(23.9, True), (24, False)])
def test_an_address_can_be_verified_for_a_day(
    clock: MovedClock, post: Post, hours: float, good: bool
) -> None:
    token = post.verification_token(post.house.new_person())
    later(clock, post, hours * HOUR)
    if good:
        post.house.anonymous.auth.VerifyEmail(token=token)
        return
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        post.house.anonymous.auth.VerifyEmail(token=token)


def test_after_two_minutes_there_is_another_mail(clock: MovedClock, post: Post) -> None:
    email = post.house.new_user().email
    first = post.reset_token(email)
    later(clock, post, 2 * MINUTE)
    assert token_in(post.letters.next_to(email)) == first
    assert post.reset_token(email) != first


def test_what_has_expired_is_deleted_and_nothing_else(gatehouse: House, ada: Person) -> None:
    old, young = gatehouse.new_user(email=new_email()), ada
    for user in (old, young):
        give_token(gatehouse, user.name)
    gatehouse.sql(
        "UPDATE mailed_tokens SET expire_time = now() WHERE user_id = :id",
        id=old.name.split("/")[1],
    )
    purge(gatehouse.application.services.database)
    left = gatehouse.sql("SELECT 'users/' || user_id AS it FROM mailed_tokens")
    assert young.name in {row.it for row in left}
    assert old.name not in {row.it for row in left}
