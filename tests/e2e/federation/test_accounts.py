"""Whose account a sign-in at a provider opens, and whose never."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import grpc
import pytest

from tests.e2e.federation.conftest import Federation, Visit, somebody
from tests.support.house import House, new_email
from tests.support.refusals import UNAUTHENTICATED, read, refused


def is_refused(
    federation: Federation, cause: str, provider: str = "strict", about: str = "", **claims: Any
) -> None:
    visit = federation.visit(provider, **claims)
    with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED") as refusal:
        federation.complete(visit)
    assert refusal.message == "The sign-in at the identity provider was refused; begin again."
    assert refusal.metadata == {}
    assert federation.causes()[-1] == (about, provider, cause)


def user(house: House, name: str) -> Any:
    return house.admin.users.GetUser(name=name).user


def state(house: House, name: str) -> str:
    found = user(house, name)
    return str(found.State.Name(found.state))


def verify_address(house: House, name: str) -> None:
    """As a mail to it would."""
    house.sql("UPDATE users SET email_verified = true WHERE id = :id", id=name[6:])


def test_somebody_new_is_made_a_user(federation: Federation) -> None:
    claims = somebody()
    person = federation.sign_in(**claims)
    made = user(federation.house, person.auth.WhoAmI().subject)
    assert (made.email, made.display_name) == (claims["email"], "Ada")
    assert state(federation.house, made.name) == "STATE_ACTIVE"


@pytest.mark.parametrize(("provider", "verified"), [("strict", False), ("linking", True)])
def test_an_address_is_verified_by_a_provider_that_may_open_accounts_by_it(
    federation: Federation, provider: str, verified: bool
) -> None:
    name = federation.sign_in(provider).auth.WhoAmI().subject
    assert user(federation.house, name).email_verified is verified


def test_an_account_that_another_provider_made_to_lie_in_wait_is_not_linked(
    federation: Federation,
) -> None:
    email = new_email()
    trap = federation.sign_in("strict", email=email).auth.WhoAmI().subject
    federation.house.sql("UPDATE federated_identities SET issuer = 'https://lax.example.org'")
    is_refused(federation, "account_unverified", "linking", about=trap, email=email)


def test_whoever_is_known_is_signed_in_without_any_address(federation: Federation) -> None:
    claims = somebody()
    first = federation.sign_in(**claims).auth.WhoAmI().subject
    later = federation.sign_in(sub=claims["sub"], email=new_email(), email_verified=False)
    assert later.auth.WhoAmI().subject == first


def test_another_person_with_the_same_subject_elsewhere_is_somebody_else(
    federation: Federation,
) -> None:
    claims = somebody()
    first = federation.sign_in(**claims).auth.WhoAmI().subject
    federation.house.sql("UPDATE federated_identities SET identity = identity || '\\x00'::bytea")
    is_refused(federation, "not_linked", about=first, **claims)


@pytest.mark.parametrize(
    "claims",
    [{"email_verified": False}, {"email_verified": "true"}, {"email": None}, {"email": "nobody"}],
    ids=str,
)
def test_an_address_that_is_not_verified_opens_nothing(
    federation: Federation, claims: dict[str, Any]
) -> None:
    federation.forger.userinfo = {"sub": "me"}
    for provider in ("strict", "linking"):
        is_refused(federation, "email_unverified", provider, **somebody() | {"sub": "me"} | claims)


def test_an_account_is_not_linked_unless_the_settings_say_so(federation: Federation) -> None:
    ada = federation.house.new_person()
    verify_address(federation.house, ada.name)
    is_refused(federation, "not_linked", about=ada.name, email=ada.email)


@pytest.mark.parametrize("spelling", [str, str.upper, str.title])
def test_an_account_with_a_verified_address_is_linked_by_it(
    federation: Federation, spelling: type[str]
) -> None:
    ada = federation.house.new_person()
    verify_address(federation.house, ada.name)
    claims = somebody() | {"email": spelling(ada.email)}
    assert federation.sign_in("linking", **claims).auth.WhoAmI().subject == ada.name
    assert federation.sign_in("strict", **claims).auth.WhoAmI().subject == ada.name
    assert federation.house.sign_in(ada.credentials).auth.WhoAmI().subject == ada.name


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("straße.example", "strasse.example"), ("ﬁn.example", "fin.example"), ("ſ.org", "s.org")],
)
def test_an_account_is_not_linked_by_an_address_that_is_merely_alike(
    federation: Federation, ours: str, theirs: str
) -> None:
    who = uuid4().hex
    name = federation.sign_in(email=f"{who}@{ours}").auth.WhoAmI().subject
    verify_address(federation.house, name)
    is_refused(federation, "not_linked", "linking", about=name, email=f"{who}@{theirs}")


def test_an_account_that_may_have_been_made_to_lie_in_wait_is_not_linked(
    federation: Federation,
) -> None:
    trap = federation.house.new_person()
    is_refused(federation, "account_unverified", "linking", about=trap.name, email=trap.email)


def test_an_account_whose_address_was_changed_is_not_linked_by_the_new_one(
    federation: Federation,
) -> None:
    name = federation.sign_in().auth.WhoAmI().subject
    email = new_email()
    federation.house.admin.users.UpdateUser(user={"name": name, "email": email})
    is_refused(federation, "account_unverified", "linking", about=name, email=email)


def test_an_address_that_was_given_to_somebody_else_does_not_open_the_account(
    federation: Federation,
) -> None:
    claims = somebody()
    name = federation.sign_in("linking", **claims).auth.WhoAmI().subject
    is_refused(federation, "other_identity", "linking", about=name, email=claims["email"])


def test_who_was_invited_becomes_active(federation: Federation) -> None:
    email = new_email()
    invited = federation.house.admin.users.CreateUser(user={"email": email}).user.name
    assert federation.sign_in("linking", email=email).auth.WhoAmI().subject == invited
    assert state(federation.house, invited) == "STATE_ACTIVE"
    assert user(federation.house, invited).email_verified
    [linked] = federation.house.sql(
        "SELECT data FROM events WHERE subject = :it AND type = 'gatehouse.auth.identity_linked'",
        it=invited,
    )
    assert linked.data == {
        "provider": "linking",
        "before": {"state": "PENDING"},
        "after": {"state": "ACTIVE"},
    }


def test_who_was_invited_is_allowed_what_they_were_granted(federation: Federation) -> None:
    email = new_email()
    invited = federation.house.admin.users.CreateUser(user={"email": email}).user.name
    federation.house.grant(invited, "roles/auditor")
    person = federation.sign_in("linking", email=email)
    assert person.access.CheckAccess(permission="users.list", path="/users").allowed


def test_nobody_new_is_let_in_where_the_settings_say_so(federation: Federation) -> None:
    is_refused(federation, "no_account", "closed")
    claims = somebody()
    federation.sign_in("strict", **claims)
    federation.sign_in("closed", **claims)


def test_who_is_suspended_is_refused(federation: Federation) -> None:
    claims = somebody()
    name = federation.sign_in(**claims).auth.WhoAmI().subject
    federation.house.admin.users.SuspendUser(name=name)
    is_refused(federation, "suspended", about=name, **claims)


def test_who_was_suspended_before_is_not_linked(federation: Federation) -> None:
    ada = federation.house.new_person()
    verify_address(federation.house, ada.name)
    federation.house.admin.users.SuspendUser(name=ada.name)
    is_refused(federation, "suspended", "linking", about=ada.name, email=ada.email)


def test_who_is_let_in_again_is_active_with_an_identity_alone(federation: Federation) -> None:
    claims = somebody()
    name = federation.sign_in(**claims).auth.WhoAmI().subject
    federation.house.admin.users.SuspendUser(name=name)
    federation.house.admin.users.ReactivateUser(name=name)
    assert state(federation.house, name) == "STATE_ACTIVE"
    federation.sign_in(**claims)


def test_the_identity_goes_with_the_user(federation: Federation) -> None:
    claims = somebody()
    name = federation.sign_in(**claims).auth.WhoAmI().subject
    federation.house.admin.users.DeleteUser(name=name)
    is_refused(federation, "no_account", "closed", **claims)
    assert federation.sign_in(**claims).auth.WhoAmI().subject != name


def test_a_sign_in_opens_a_session_like_any_other(federation: Federation) -> None:
    tokens = federation.complete(federation.visit(), device="Ada's laptop")
    person = federation.house.anonymous.bearing(tokens.access_token)
    session = person.sessions.GetSession(name=tokens.session).session
    assert (session.device, session.subject) == ("Ada's laptop", person.auth.WhoAmI().subject)
    assert (tokens.token_type, list(tokens.scopes)) == ("Bearer", ["*"])
    person.auth.Logout()
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        federation.house.anonymous.auth.RefreshToken(refresh_token=tokens.refresh_token)


@pytest.mark.parametrize("provider", ["strict", "linking"])
def test_first_sign_ins_of_one_person_at_once_are_one_users(
    federation: Federation, provider: str
) -> None:
    for _ in range(5):
        claims = somebody()
        visits = [federation.visit(provider, **claims) for _ in range(6)]
        with ThreadPoolExecutor(6) as threads:
            signed_in = list(threads.map(federation.complete, visits))
        bearing = federation.house.anonymous.bearing
        names = {bearing(it.access_token).auth.WhoAmI().subject for it in signed_in}
        assert len(names) == 1
        assert len({it.session for it in signed_in}) == 6


def test_first_sign_ins_of_one_invited_person_at_once_are_one_users(
    federation: Federation,
) -> None:
    email, claims = new_email(), somebody()
    invited = federation.house.admin.users.CreateUser(user={"email": email}).user.name
    visits = [federation.visit("linking", **claims | {"email": email}) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        signed_in = list(threads.map(federation.complete, visits))
    bearing = federation.house.anonymous.bearing
    assert {bearing(it.access_token).auth.WhoAmI().subject for it in signed_in} == {invited}


def test_of_several_people_with_one_address_at_once_one_is_made_a_user(
    federation: Federation,
) -> None:
    def attempt(visit: Visit) -> str:
        try:
            return str(federation.complete(visit).session)
        except grpc.RpcError as error:
            return read(error).reason

    for _ in range(5):
        email = new_email()
        visits = [federation.visit(email=email) for _ in range(6)]
        with ThreadPoolExecutor(6) as threads:
            ends = list(threads.map(attempt, visits))
        assert ends.count("FEDERATED_LOGIN_REFUSED") == 5
        assert len([end for end in ends if end.startswith("sessions/")]) == 1


def test_what_happened_is_kept_without_personal_data(federation: Federation) -> None:
    claims = somebody() | {"name": "Hidden Person"}
    tokens = federation.complete(federation.visit(**claims))
    is_refused(federation, "email_unverified", email=claims["email"], email_verified=False)
    rows = federation.house.sql("SELECT type, subject, data, peer, events::text AS it FROM events")
    mine = [row for row in rows if row.data.get("session") == tokens.session]
    [signed_in] = [row for row in mine if row.type == "gatehouse.auth.sign_in"]
    assert signed_in.data == {"session": tokens.session, "provider": "strict"}
    assert signed_in.peer == "127.0.0.1"
    [linked] = [
        row
        for row in rows
        if row.type == "gatehouse.auth.identity_linked" and row.subject == signed_in.subject
    ]
    assert linked.data == {"provider": "strict"}
    for row in rows:
        assert claims["email"] not in row.it
        assert claims["sub"] not in row.it
        assert "Hidden" not in row.it
    kept = federation.house.sql("SELECT identity FROM federated_identities")
    assert kept
    assert not [row for row in kept if claims["sub"].encode() in bytes(row.identity)]


def test_nothing_of_a_sign_in_is_logged(
    federation: Federation, capfd: pytest.CaptureFixture[str]
) -> None:
    claims = somebody() | {"name": "Hidden Person"}
    visit = federation.visit(**claims)
    federation.complete(visit)
    federation.forger.id_token = {"nonce": "of another"}
    is_refused(federation, "id_token", **claims)
    out, err = capfd.readouterr()
    assert "ID token refused" in out + err
    for secret in (visit.state, visit.code, claims["email"], claims["sub"], "Hidden", "hunter2"):
        assert secret not in out + err
