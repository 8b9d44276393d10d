"""An address is verified with a token from a mail."""

import pytest

from tests.support.clients import Client, Person
from tests.support.house import new_email
from tests.support.post import Post
from tests.support.refusals import (
    FAILED_PRECONDITION,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)


def is_verified(post: Post, person: Person) -> bool:
    return bool(post.house.admin.users.GetUser(name=person.name).user.email_verified)


def test_with_the_token_from_the_mail_the_address_is_verified(
    post: Post, anonymous: Client, ada: Person
) -> None:
    anonymous.auth.VerifyEmail(token=post.verification_token(ada))
    assert is_verified(post, ada)


def test_the_user_stays_signed_in(post: Post, anonymous: Client, ada: Person) -> None:
    anonymous.auth.VerifyEmail(token=post.verification_token(ada))
    assert ada.auth.WhoAmI().session == ada.session


def test_a_token_is_good_once(post: Post, anonymous: Client, ada: Person) -> None:
    token = post.verification_token(ada)
    anonymous.auth.VerifyEmail(token=token)
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        anonymous.auth.VerifyEmail(token=token)


def test_using_one_kills_the_others(post: Post, anonymous: Client, ada: Person) -> None:
    other = post.verification_token(ada)
    post.let_two_minutes_pass()
    anonymous.auth.VerifyEmail(token=post.verification_token(ada))
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        anonymous.auth.VerifyEmail(token=other)


def test_a_token_to_reset_a_password_verifies_nothing(
    post: Post, anonymous: Client, ada: Person
) -> None:
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        anonymous.auth.VerifyEmail(token=post.reset_token(ada.email))
    assert not is_verified(post, ada)


def test_with_another_address_the_token_is_dead(post: Post, anonymous: Client, ada: Person) -> None:
    token = post.verification_token(ada)
    change = {"name": ada.name, "email": new_email()}
    post.house.admin.users.UpdateUser(user=change)
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        anonymous.auth.VerifyEmail(token=token)
    assert not is_verified(post, ada)


def test_a_reset_leaves_it_good(post: Post, anonymous: Client, ada: Person) -> None:
    token = post.verification_token(ada)
    anonymous.auth.ResetPassword(
        token=post.reset_token(ada.email), new_password="eleven green lanterns hum"
    )
    anonymous.auth.VerifyEmail(token=token)


def test_whose_address_is_verified_gets_no_mail(post: Post, anonymous: Client, ada: Person) -> None:
    anonymous.auth.VerifyEmail(token=post.verification_token(ada))
    ada.auth.RequestEmailVerification()
    post.settle()
    assert len(post.letters.to(ada.email)) == 1


def test_a_service_has_no_address(post: Post) -> None:
    with refused(FAILED_PRECONDITION, reason="NO_EMAIL"):
        post.house.new_service().auth.RequestEmailVerification()


def test_a_token_for_reading_asks_for_none(post: Post, ada: Person) -> None:
    narrow = ada.auth.ExchangeToken(scopes=["auth:read"]).tokens.access_token
    with refused(PERMISSION_DENIED, reason="SCOPE_MISSING"):
        ada.bearing(narrow).auth.RequestEmailVerification()


@pytest.mark.parametrize("what", ["email_verification_requested", "email_verified"])
def test_both_steps_are_told(post: Post, anonymous: Client, ada: Person, what: str) -> None:
    anonymous.auth.VerifyEmail(token=post.verification_token(ada))
    told = post.house.sql(
        "SELECT actor FROM events WHERE subject = :it AND type = :what",
        it=ada.name,
        what=f"gatehouse.auth.{what}",
    )
    assert [one.actor for one in told] == [ada.name if what.endswith("requested") else ""]
