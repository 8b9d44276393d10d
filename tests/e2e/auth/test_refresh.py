"""Refresh tokens: a lost answer can be asked for again, a stolen token ends its family."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.clients import Client, Person
from tests.support.house import House
from tests.support.refusals import UNAUTHENTICATED, refused


def refresh(client: Client, token: str) -> Any:
    return client.auth.RefreshToken(refresh_token=token).tokens


def move(gatehouse: House, person: Person, **columns: str) -> None:
    """Moves times of the person's session, such as `refresh_time="- interval '1 hour'"`."""
    changes = ", ".join(f"{column} = {column} {by}" for column, by in columns.items())
    gatehouse.sql(f"UPDATE sessions SET {changes} WHERE id = :id", id=person.session.split("/")[1])


def test_from_sign_in_to_theft(gatehouse: House, anonymous: Client, ada: Person) -> None:
    """The whole life of a family, as the issue asks for it."""
    watched = gatehouse.admin.auth.WatchRevocations()
    next(watched)
    assert ada.auth.WhoAmI().subject == ada.name
    second = refresh(anonymous, ada.tokens.refresh_token)
    assert anonymous.bearing(second.access_token).auth.WhoAmI().session == ada.session
    replayed = refresh(anonymous, ada.tokens.refresh_token)
    assert replayed.refresh_token == second.refresh_token
    third = refresh(anonymous, second.refresh_token)
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_REUSED"):
        refresh(anonymous, ada.tokens.refresh_token)
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        refresh(anonymous, third.refresh_token)
    for tokens in (ada.tokens, second, replayed, third):
        with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
            anonymous.bearing(tokens.access_token).auth.WhoAmI()
    revoked = next(it for it in watched if it.revocations)
    assert [it.session for it in revoked.revocations] == [ada.session]
    watched.cancel()


def test_a_refresh_answers_the_next_pair_of_the_same_session(
    anonymous: Client, ada: Person
) -> None:
    tokens = refresh(anonymous, ada.tokens.refresh_token)
    assert tokens.session == ada.session
    assert tokens.refresh_token != ada.tokens.refresh_token
    assert tokens.access_token != ada.tokens.access_token
    assert (tokens.token_type, list(tokens.scopes)) == ("Bearer", ["*"])


def test_the_access_token_before_a_refresh_stays_good(anonymous: Client, ada: Person) -> None:
    refresh(anonymous, ada.tokens.refresh_token)
    assert ada.auth.WhoAmI().subject == ada.name


def test_fifty_at_once_get_one_successor(anonymous: Client, ada: Person) -> None:
    token = ada.tokens.refresh_token
    calls = [anonymous.auth.RefreshToken.future(refresh_token=token) for _ in range(50)]
    assert len({call.result().tokens.refresh_token for call in calls}) == 1


def test_after_the_grace_a_lost_answer_is_lost(
    gatehouse: House, anonymous: Client, ada: Person
) -> None:
    refresh(anonymous, ada.tokens.refresh_token)
    move(gatehouse, ada, refresh_time="- interval '11 seconds'")
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_REUSED"):
        refresh(anonymous, ada.tokens.refresh_token)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        ada.auth.WhoAmI()


def test_without_a_grace_every_replay_is_a_theft(open_house: Callable[..., House]) -> None:
    gatehouse = open_house(refresh_grace=timedelta(0))
    token = gatehouse.admin.tokens.refresh_token
    refresh(gatehouse.anonymous, token)
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_REUSED"):
        refresh(gatehouse.anonymous, token)


def test_a_theft_is_told_in_the_audit_trail(
    gatehouse: House, anonymous: Client, ada: Person
) -> None:
    refresh(anonymous, refresh(anonymous, ada.tokens.refresh_token).refresh_token)
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_REUSED"):
        refresh(anonymous, ada.tokens.refresh_token)
    [row] = gatehouse.sql(
        "SELECT data FROM events WHERE type = 'gatehouse.sessions.refresh_token_reused'"
        " AND subject = :it",
        it=ada.name,
    )
    assert row.data == {"session": ada.session}


def test_a_theft_ends_one_session_only(gatehouse: House, anonymous: Client, ada: Person) -> None:
    other = gatehouse.sign_in(ada.credentials)
    refresh(anonymous, refresh(anonymous, ada.tokens.refresh_token).refresh_token)
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_REUSED"):
        refresh(anonymous, ada.tokens.refresh_token)
    assert other.auth.WhoAmI().subject == ada.name


@pytest.mark.parametrize("token", ["x", "ghr_", "ghr_" + "A" * 70, "%%", "ü" * 30, "A" * 1024])
def test_what_was_never_given_out_is_invalid(anonymous: Client, token: str) -> None:
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        refresh(anonymous, token)


def test_a_forged_token_of_a_living_session_ends_nothing(anonymous: Client, ada: Person) -> None:
    token = ada.tokens.refresh_token
    forged = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        refresh(anonymous, forged)
    assert refresh(anonymous, token).session == ada.session


def test_an_access_token_is_no_refresh_token(anonymous: Client, ada: Person) -> None:
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        refresh(anonymous, ada.tokens.access_token)


def test_a_session_left_idle_is_over(gatehouse: House, anonymous: Client, ada: Person) -> None:
    move(gatehouse, ada, expire_time="- interval '14 days'")
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        refresh(anonymous, ada.tokens.refresh_token)


def test_a_refresh_moves_the_idle_limit_on(
    gatehouse: House, anonymous: Client, ada: Person
) -> None:
    move(gatehouse, ada, expire_time="- interval '13 days'")
    tokens = refresh(anonymous, ada.tokens.refresh_token)
    assert tokens.refresh_expires_in > 13 * 86400


def test_no_refresh_moves_the_absolute_limit(
    gatehouse: House, anonymous: Client, ada: Person
) -> None:
    move(gatehouse, ada, end_time="- interval '90 days' + interval '5 minutes'")
    tokens = refresh(anonymous, ada.tokens.refresh_token)
    assert tokens.refresh_expires_in <= 300
    assert tokens.expires_in <= 300, "no access token outlives its session"


def test_a_short_session_gives_short_tokens(open_house: Callable[..., House]) -> None:
    gatehouse = open_house(
        session_lifetime=timedelta(minutes=2),
        refresh_token_lifetime=timedelta(minutes=2),
        access_token_lifetime=timedelta(minutes=2),
    )
    tokens = gatehouse.admin.tokens
    assert tokens.expires_in <= 120
    assert tokens.refresh_expires_in <= 120
