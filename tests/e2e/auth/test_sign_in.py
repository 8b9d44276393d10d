"""Signing in: one answer to all that is wrong, and who one is afterwards."""

import unicodedata

import pytest

from tests.support.clients import Client, Credentials, Person
from tests.support.house import PASSWORD, House, new_email
from tests.support.refusals import INVALID_ARGUMENT, UNAUTHENTICATED, refused

COMPOSED = unicodedata.normalize("NFC", "éclair über façade 77 Ångström")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


def test_a_sign_in_gives_tokens(gatehouse: House, ada: Person) -> None:
    tokens = ada.tokens
    assert tokens.token_type == "Bearer"
    assert tokens.expires_in == 600
    assert tokens.refresh_expires_in in range(14 * 86400 - 2, 14 * 86400 + 1)
    assert list(tokens.scopes) == ["*"]
    assert tokens.session.startswith("sessions/")
    assert tokens.refresh_token.startswith("ghr_")


def test_who_signed_in_is_who_they_are(ada: Person) -> None:
    me = ada.auth.WhoAmI()
    assert (me.subject, me.display_name, me.session) == (ada.name, "Ada Lovelace", ada.session)
    assert (list(me.scopes), list(me.roles)) == (["*"], [])
    assert me.expire_time.seconds > 0


def test_roles_at_the_root_are_told(gatehouse: House) -> None:
    person = gatehouse.new_person("roles/auditor")
    gatehouse.grant(person.name, "roles/member")
    assert list(person.auth.WhoAmI().roles) == ["roles/auditor", "roles/member"]


def test_a_changed_display_name_is_told_on_the_next_call(admin: Person, ada: Person) -> None:
    ada.auth.WhoAmI()
    admin.users.UpdateUser(user={"name": ada.name, "display_name": "Augusta"})
    assert ada.auth.WhoAmI().display_name == "Augusta"


@pytest.mark.parametrize("spelling", [str.upper, str.title, str])
def test_an_email_signs_in_however_it_is_written(
    gatehouse: House, ada: Person, spelling: type[str]
) -> None:
    written = Credentials(ada.name, spelling(ada.email), ada.password)
    assert gatehouse.sign_in(written).auth.WhoAmI().subject == ada.name


def test_whatever_is_wrong_there_is_one_answer(
    admin: Person, anonymous: Client, ada: Person, bob: Person
) -> None:
    admin.users.SuspendUser(name=bob.name)
    pending = new_email()
    admin.users.CreateUser(user={"email": pending})
    wrong = {
        "wrong password": (ada.email, "wrong"),
        "over-long password": (ada.email, PASSWORD + "x" * 5000),
        "right but for its case": (ada.email, PASSWORD.upper()),
        "right but for a space": (ada.email, PASSWORD + " "),
        "unknown user": (new_email(), PASSWORD),
        "no email at all": ("x", PASSWORD),
        "absurd email": ("\0\x1b" * 100, PASSWORD),
        "suspended user": (bob.email, bob.password),
        "pending user": (pending, PASSWORD),
    }
    messages = set()
    for email, password in wrong.values():
        with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS") as refusal:
            anonymous.auth.Login(email=email, password=password)
        messages.add(refusal.message)
        assert refusal.metadata == {}
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"password": PASSWORD}, "email"),
        ({"email": "a@example.org"}, "password"),
        ({"email": "x" * 1025, "password": PASSWORD}, "email"),
        ({"email": "a@example.org", "password": "x", "device": "x" * 257}, "device"),
        ({"email": "a@example.org", "password": "x", "device": "a\nb"}, "device"),
    ],
)
def test_a_request_that_is_none_is_refused(
    anonymous: Client, fields: dict[str, str], field: str
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={field}):
        anonymous.auth.Login(**fields)


@pytest.mark.parametrize(("chosen", "typed"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_accents_sign_in_however_they_are_composed(
    admin: Person, anonymous: Client, chosen: str, typed: str
) -> None:
    email = new_email()
    admin.users.CreateUser(user={"email": email}, password=chosen)
    anonymous.auth.Login(email=email, password=typed)


def test_the_tail_of_a_long_password_matters(admin: Person, anonymous: Client) -> None:
    email, password = new_email(), PASSWORD * 4
    assert len(password) > 72
    admin.users.CreateUser(user={"email": email}, password=password)
    anonymous.auth.Login(email=email, password=password)
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        anonymous.auth.Login(email=email, password=password[:-1] + "!")


def test_sign_ins_are_kept_in_the_audit_trail(gatehouse: House, anonymous: Client) -> None:
    ada = gatehouse.new_person()
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        anonymous.auth.Login(email=ada.email, password="wrong")
    rows = gatehouse.sql(
        "SELECT type, peer, data FROM events WHERE subject = :it AND type LIKE 'gatehouse.auth.%'"
        " ORDER BY position",
        it=ada.name,
    )
    assert [(row.type, row.peer) for row in rows] == [
        ("gatehouse.auth.sign_in", "127.0.0.1"),
        ("gatehouse.auth.sign_in_refused", "127.0.0.1"),
    ]
    assert rows[0].data == {"session": ada.session}


def test_the_audit_trail_names_no_email(gatehouse: House, anonymous: Client) -> None:
    email = new_email()
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        anonymous.auth.Login(email=email, password="wrong")
    gatehouse.new_person(email=new_email(), display_name="Hidden Person")
    found = gatehouse.sql("SELECT events::text AS it FROM events")
    assert not [row for row in found if "@" in row.it or "Hidden" in row.it]


def test_signing_out_ends_the_session(gatehouse: House, anonymous: Client, ada: Person) -> None:
    other = gatehouse.sign_in(ada.credentials)
    ada.auth.Logout()
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        ada.auth.WhoAmI()
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token)
    assert other.auth.WhoAmI().subject == ada.name
