"""Sessions: seen and ended by their owners, and by those who may."""

import pytest

from tests.support.clients import Client, Person
from tests.support.house import House
from tests.support.refusals import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)

NOBODY = "users/0190a5b4-0000-7000-8000-000000000000"
NO_SESSION = "sessions/0190a5b4-0000-7000-8000-000000000000"


def test_a_session_says_where_it_came_from(gatehouse: House, ada: Person) -> None:
    here = gatehouse.sign_in(ada.credentials, device="Ada's laptop ✓")
    session = here.sessions.GetSession(name=here.session).session
    assert (session.name, session.subject) == (here.session, ada.name)
    assert (session.device, session.peer_address) == ("Ada's laptop ✓", "127.0.0.1")
    assert session.create_time.seconds <= session.last_seen_time.seconds
    assert session.expire_time.seconds - session.create_time.seconds == 14 * 86400
    assert not session.HasField("revoke_time")


def test_people_list_their_own_sessions_newest_first(gatehouse: House, ada: Person) -> None:
    later = [gatehouse.sign_in(ada.credentials).session for _ in range(3)]
    for subject in ("", "users/me", ada.name):
        listed = ada.sessions.ListSessions(subject=subject).sessions
        assert [it.name for it in listed] == [*reversed(later), ada.session]


def test_the_pages_together_are_the_list(gatehouse: House, ada: Person) -> None:
    names = [ada.session] + [gatehouse.sign_in(ada.credentials).session for _ in range(6)]
    seen, token = [], ""
    while True:
        answer = ada.sessions.ListSessions(page_size=3, page_token=token)
        seen += [it.name for it in answer.sessions]
        token = answer.next_page_token
        if not token:
            break
    assert seen == names[::-1]


def test_a_page_token_is_good_for_one_subject(gatehouse: House, ada: Person, bob: Person) -> None:
    gatehouse.sign_in(ada.credentials)
    token = ada.sessions.ListSessions(page_size=1).next_page_token
    with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
        bob.sessions.ListSessions(page_token=token)


def test_a_negative_page_size_is_refused(ada: Person) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"page_size"}):
        ada.sessions.ListSessions(page_size=-1)


def test_ended_sessions_are_not_listed_but_can_be_looked_at(gatehouse: House, ada: Person) -> None:
    other = gatehouse.sign_in(ada.credentials)
    ended = ada.sessions.RevokeSession(name=other.session).session
    assert ended.HasField("revoke_time")
    assert [it.name for it in ada.sessions.ListSessions().sessions] == [ada.session]
    assert ada.sessions.GetSession(name=other.session).session.revoke_time == ended.revoke_time


def test_a_session_left_idle_is_not_listed(gatehouse: House, ada: Person) -> None:
    other = gatehouse.sign_in(ada.credentials)
    gatehouse.sql(
        "UPDATE sessions SET expire_time = now() WHERE id = :id", id=other.session.split("/")[1]
    )
    assert [it.name for it in ada.sessions.ListSessions().sessions] == [ada.session]


def test_an_ended_session_is_refused_on_the_next_call(
    gatehouse: House, anonymous: Client, ada: Person
) -> None:
    other = gatehouse.sign_in(ada.credentials)
    ada.sessions.RevokeSession(name=other.session)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        other.auth.WhoAmI()
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        anonymous.auth.RefreshToken(refresh_token=other.tokens.refresh_token)
    assert ada.auth.WhoAmI().subject == ada.name


def test_ending_twice_is_no_error_and_keeps_the_time(gatehouse: House, ada: Person) -> None:
    other = gatehouse.sign_in(ada.credentials)
    first = ada.sessions.RevokeSession(name=other.session).session
    assert ada.sessions.RevokeSession(name=other.session).session == first


def test_one_may_end_the_session_one_is_in(ada: Person) -> None:
    ada.sessions.RevokeSession(name=ada.session)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        ada.auth.WhoAmI()


@pytest.mark.parametrize("subject", ["users/me", "by name"])
def test_all_sessions_of_a_subject_end_at_once(gatehouse: House, ada: Person, subject: str) -> None:
    others = [gatehouse.sign_in(ada.credentials) for _ in range(3)]
    named = ada.name if subject == "by name" else subject
    assert ada.sessions.RevokeAllSessions(subject=named).revoked_count == 4
    for person in (ada, *others):
        with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
            person.auth.WhoAmI()


def test_who_has_no_session_has_none_ended(admin: Person) -> None:
    assert admin.sessions.RevokeAllSessions(subject=NOBODY).revoked_count == 0


def test_an_admin_ends_others_sessions(gatehouse: House, ada: Person, bob: Person) -> None:
    boss = gatehouse.new_person("roles/admin")
    boss.sessions.RevokeSession(name=ada.session)
    boss.sessions.RevokeAllSessions(subject=bob.name)
    for person in (ada, bob):
        with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
            person.auth.WhoAmI()


def test_an_auditor_sees_others_sessions_and_ends_none(auditor: Person, ada: Person) -> None:
    assert auditor.sessions.GetSession(name=ada.session).session.subject == ada.name
    assert len(auditor.sessions.ListSessions(subject=ada.name).sessions) == 1
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        auditor.sessions.RevokeSession(name=ada.session)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        auditor.sessions.RevokeAllSessions(subject=ada.name)


@pytest.mark.parametrize("rpc", ["GetSession", "RevokeSession"])
def test_others_sessions_and_none_look_alike(ada: Person, bob: Person, rpc: str) -> None:
    answers = []
    for name in (bob.session, NO_SESSION):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
            getattr(ada.sessions, rpc)(name=name)
        assert refusal.metadata["path"] == f"/{name}"
        answers.append(refusal.message.replace(name, "…"))
    assert answers[0] == answers[1]
    assert bob.auth.WhoAmI().subject == bob.name


@pytest.mark.parametrize("rpc", ["ListSessions", "RevokeAllSessions"])
@pytest.mark.parametrize("subject", ["bob", NOBODY])
def test_others_lists_are_refused_whether_or_not_they_exist(
    ada: Person, bob: Person, rpc: str, subject: str
) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        getattr(ada.sessions, rpc)(subject=bob.name if subject == "bob" else subject)


@pytest.mark.parametrize("rpc", ["GetSession", "RevokeSession"])
def test_what_is_not_there_is_not_found(admin: Person, rpc: str) -> None:
    with refused(NOT_FOUND, reason="SESSION_NOT_FOUND") as refusal:
        getattr(admin.sessions, rpc)(name=NO_SESSION)
    assert refusal.resource == ("gatehouse.sessions.v1.Session", NO_SESSION)


@pytest.mark.parametrize("name", ["", "sessions/", "sessions/x", "users/me", NO_SESSION.upper()])
@pytest.mark.parametrize("rpc", ["GetSession", "RevokeSession"])
def test_a_name_that_is_none_is_refused(admin: Person, rpc: str, name: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"name"}):
        getattr(admin.sessions, rpc)(name=name)


@pytest.mark.parametrize("subject", ["x", "groups/1", "users/", "everyone"])
@pytest.mark.parametrize("rpc", ["ListSessions", "RevokeAllSessions"])
def test_a_subject_that_is_none_is_refused(admin: Person, rpc: str, subject: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"subject"}):
        getattr(admin.sessions, rpc)(subject=subject)


def test_a_session_was_last_seen_when_its_token_was_last_used(
    gatehouse: House, ada: Person
) -> None:
    before = ada.sessions.GetSession(name=ada.session).session.last_seen_time
    after = ada.sessions.GetSession(name=ada.session).session.last_seen_time
    assert after.ToNanoseconds() > before.ToNanoseconds()
