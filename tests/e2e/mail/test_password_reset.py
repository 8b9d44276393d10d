"""A forgotten password is set anew with a token from a mail."""

import pytest

from tests.support.clients import Client, Credentials, Person
from tests.support.house import PASSWORD, new_email
from tests.support.mailbox import token_in
from tests.support.post import Post
from tests.support.refusals import INVALID_ARGUMENT, UNAUTHENTICATED, refused

NEW = "eleven green lanterns hum"


def reset(anonymous: Client, token: str, password: str = NEW) -> None:
    anonymous.auth.ResetPassword(token=token, new_password=password)


def several_tokens(post: Post, person: Person) -> list[str]:
    """As many as somebody can have at once."""
    tokens = []
    for _ in range(4):
        tokens.append(post.reset_token(person.email))
        post.let_two_minutes_pass()
    return tokens


def refuses(anonymous: Client, token: str) -> None:
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        reset(anonymous, token)


def test_with_the_token_from_the_mail_a_new_password_signs_in(
    post: Post, anonymous: Client, ada: Person
) -> None:
    reset(anonymous, post.reset_token(ada.email))
    post.house.sign_in(Credentials(ada.name, ada.email, NEW))
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        anonymous.auth.Login(email=ada.email, password=PASSWORD)


def test_every_session_of_the_user_ends(post: Post, anonymous: Client, ada: Person) -> None:
    other = post.house.sign_in(ada.credentials)
    reset(anonymous, post.reset_token(ada.email))
    for session in (ada, other):
        with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
            session.auth.WhoAmI()
        with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
            anonymous.auth.RefreshToken(refresh_token=session.tokens.refresh_token)


def test_the_address_counts_as_verified(post: Post, anonymous: Client, ada: Person) -> None:
    assert not post.house.admin.users.GetUser(name=ada.name).user.email_verified
    reset(anonymous, post.reset_token(ada.email))
    assert post.house.admin.users.GetUser(name=ada.name).user.email_verified


def test_who_had_no_password_becomes_active(
    post: Post, anonymous: Client, pending: Credentials
) -> None:
    reset(anonymous, post.reset_token(pending.email))
    post.house.sign_in(Credentials(pending.name, pending.email, NEW)).auth.WhoAmI()


def test_a_token_is_good_once(post: Post, anonymous: Client, ada: Person) -> None:
    token = post.reset_token(ada.email)
    reset(anonymous, token)
    refuses(anonymous, token)


def test_a_password_that_is_not_taken_leaves_the_token_good(
    post: Post, anonymous: Client, ada: Person
) -> None:
    token = post.reset_token(ada.email)
    with refused(INVALID_ARGUMENT, reason="PASSWORD_REJECTED", fields={"new_password"}):
        reset(anonymous, token, "adalovelaceadalovelace")
    reset(anonymous, token)


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 256, "tokén"])
def test_a_token_that_never_was_one_gets_the_same_answer(anonymous: Client, token: str) -> None:
    refuses(anonymous, token)


def test_whether_the_password_would_be_taken_is_not_told_without_a_token(
    anonymous: Client,
) -> None:
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        reset(anonymous, "x" * 43, "short")


@pytest.mark.parametrize("which", range(4))
def test_who_asks_again_can_use_each_of_the_mails(
    post: Post, anonymous: Client, ada: Person, which: int
) -> None:
    reset(anonymous, several_tokens(post, ada)[which])


def test_using_one_kills_the_others(post: Post, anonymous: Client, ada: Person) -> None:
    used, *others = several_tokens(post, ada)
    reset(anonymous, used)
    for token in others:
        refuses(anonymous, token)


def test_there_is_no_fifth_mail_while_four_are_good(post: Post, ada: Person) -> None:
    several_tokens(post, ada)
    post.let_two_minutes_pass()
    post.ask_for_reset(ada.email)
    post.settle()
    assert len(post.letters.to(ada.email)) == 4


def test_within_two_minutes_there_is_one_mail(post: Post, anonymous: Client, ada: Person) -> None:
    token = post.reset_token(ada.email)
    for _ in range(3):
        post.ask_for_reset(ada.email)
    post.settle()
    assert len(post.letters.to(ada.email)) == 1
    reset(anonymous, token)


def test_with_another_address_the_token_is_dead(post: Post, anonymous: Client, ada: Person) -> None:
    token = post.reset_token(ada.email)
    admin = post.house.admin
    admin.users.UpdateUser(user={"name": ada.name, "email": new_email()})
    refuses(anonymous, token)
    admin.users.UpdateUser(user={"name": ada.name, "email": ada.email})
    refuses(anonymous, token)


def test_with_a_changed_password_the_token_is_dead(
    post: Post, anonymous: Client, ada: Person
) -> None:
    token = post.reset_token(ada.email)
    ada.auth.ChangePassword(current_password=PASSWORD, new_password="nine orange kettles whistle")
    refuses(anonymous, token)


def test_a_changed_password_leaves_the_address_to_be_verified(
    post: Post, anonymous: Client, ada: Person
) -> None:
    token = post.verification_token(ada)
    ada.auth.ChangePassword(current_password=PASSWORD, new_password="nine orange kettles whistle")
    anonymous.auth.VerifyEmail(token=token)


def test_a_sign_in_leaves_the_token_good(post: Post, anonymous: Client, ada: Person) -> None:
    token = post.reset_token(ada.email)
    post.house.sign_in(ada.credentials)
    reset(anonymous, token)


def test_other_changes_leave_the_token_good(post: Post, anonymous: Client, ada: Person) -> None:
    token = post.reset_token(ada.email)
    post.house.admin.users.UpdateUser(user={"name": ada.name, "display_name": "Augusta"})
    reset(anonymous, token)


def test_who_is_suspended_cannot_get_in_so_nor_later(
    post: Post, anonymous: Client, ada: Person
) -> None:
    token = post.reset_token(ada.email)
    post.house.admin.users.SuspendUser(name=ada.name)
    refuses(anonymous, token)
    post.house.admin.users.ReactivateUser(name=ada.name)
    refuses(anonymous, token)
    post.house.sign_in(ada.credentials)


def test_with_the_user_the_token_goes(post: Post, anonymous: Client, ada: Person) -> None:
    token = post.reset_token(ada.email)
    post.house.admin.users.DeleteUser(name=ada.name)
    refuses(anonymous, token)


def test_a_token_to_verify_an_address_resets_no_password(
    post: Post, anonymous: Client, ada: Person
) -> None:
    refuses(anonymous, post.verification_token(ada))


def test_nobody_but_users_who_may_sign_in_get_mail(post: Post, ada: Person) -> None:
    post.house.admin.users.SuspendUser(name=ada.name)
    stranger = new_email()
    post.ask_for_reset(ada.email)
    post.ask_for_reset(stranger)
    post.ask_for_reset("no address at all\r\nBcc: x@example.org")
    post.settle()
    assert not post.letters.to(ada.email)
    assert not post.letters.to(stranger)


@pytest.mark.parametrize("typed", ["STRASSE-{}@Example.Org", "straße-{}@example.org"])
def test_the_mail_goes_to_the_users_own_address_however_it_was_typed(
    post: Post, typed: str
) -> None:
    unique = new_email().partition("@")[0]
    own = f"strasse-{unique}@example.org"
    post.house.new_person(email=own)
    post.ask_for_reset(typed.format(unique))
    assert token_in(post.letters.next_to(own))


def test_what_was_asked_for_is_told_with_who_asked(post: Post, ada: Person) -> None:
    post.house.anonymous.auth.RequestPasswordReset.with_metadata(
        [("x-request-id", "who-asked")], email=ada.email
    )
    post.letters.next_to(ada.email)
    [told] = post.house.sql(
        "SELECT actor, request_id, peer FROM events WHERE subject = :it"
        " AND type = 'gatehouse.auth.password_reset_requested'",
        it=ada.name,
    )
    assert tuple(told) == ("", "who-asked", "127.0.0.1")


def test_a_reset_is_told(post: Post, anonymous: Client, ada: Person) -> None:
    reset(anonymous, post.reset_token(ada.email))
    [told] = post.house.sql(
        "SELECT data FROM events WHERE subject = :it AND type = 'gatehouse.users.password_changed'",
        it=ada.name,
    )
    assert told.data == {"reset": True}


def test_of_who_becomes_active_by_it_the_state_is_told(
    post: Post, anonymous: Client, pending: Credentials
) -> None:
    reset(anonymous, post.reset_token(pending.email))
    [told] = post.house.sql(
        "SELECT data FROM events WHERE subject = :it AND type = 'gatehouse.users.password_changed'",
        it=pending.name,
    )
    became = {"before": {"state": "PENDING"}, "after": {"state": "ACTIVE"}}
    assert told.data == {"reset": True} | became
