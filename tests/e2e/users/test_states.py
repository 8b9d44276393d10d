"""Suspension, reactivation and deletion, as the user feels them."""


from tests.support.clients import Client, Person
from tests.support.refusals import UNAUTHENTICATED, refused


def test_a_suspended_user_is_refused_on_the_next_call(admin: Person, ada: Person) -> None:
    admin.users.SuspendUser(name=ada.name)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        ada.auth.WhoAmI()


def test_a_suspended_user_cannot_refresh(admin: Person, anonymous: Client, ada: Person) -> None:
    admin.users.SuspendUser(name=ada.name)
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token)
