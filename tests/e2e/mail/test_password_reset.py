"""A forgotten password is set anew with a token from a mail."""

from tests.e2e.mail.conftest import Post
from tests.support.clients import Client, Credentials, Person
from tests.support.house import PASSWORD
from tests.support.refusals import UNAUTHENTICATED, refused

NEW = "eleven green lanterns hum"


def test_with_the_token_from_the_mail_a_new_password_signs_in(
    post: Post, anonymous: Client, ada: Person
) -> None:
    anonymous.auth.ResetPassword(token=post.reset_token(ada.email), new_password=NEW)
    post.house.sign_in(Credentials(ada.name, ada.email, NEW))
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        anonymous.auth.Login(email=ada.email, password=PASSWORD)
