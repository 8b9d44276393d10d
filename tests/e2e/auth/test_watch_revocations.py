"""WatchRevocations: what verifiers elsewhere must stop accepting, skipping nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from service.auth import revocation_stream
from service.transport import watching
from tests.support import raw
from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import (
    CANCELLED,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)
from tests.support.waiting import wait_until


@pytest.fixture
def watch(admin: Person) -> Iterator[Callable[..., Any]]:
    """Opens streams that end with the test."""
    calls = []

    def begin(cursor: str = "", *, who: Person = admin) -> Any:
        calls.append(who.auth.WatchRevocations(cursor=cursor))
        return calls[-1]

    yield begin
    for call in calls:
        call.cancel()


def news(stream: Any) -> list[str]:
    """What the next message that is no heartbeat revokes."""
    message = next(it for it in stream if it.revocations)
    return [it.session or it.subject or it.token_id for it in message.revocations]


def revoke(gatehouse: House) -> str:
    person = gatehouse.new_person()
    person.auth.Logout()
    return person.session


def until(stream: Any, wanted: set[str]) -> list[str]:
    """All that is revoked until everything wanted was."""
    heard: list[str] = []
    while not wanted <= set(heard):
        heard += news(stream)
    return heard


def test_a_watcher_first_hears_all_that_still_matters(
    gatehouse: House, watch: Callable[..., Any]
) -> None:
    before = {revoke(gatehouse) for _ in range(3)}
    heard = until(watch(), before)
    assert len(heard) == len(set(heard))


def test_a_watcher_hears_news(gatehouse: House, watch: Callable[..., Any]) -> None:
    stream = watch()
    next(stream)
    session = revoke(gatehouse)
    assert session in until(stream, {session})


def test_a_revocation_says_until_when_it_matters(
    gatehouse: House, watch: Callable[..., Any]
) -> None:
    stream = watch()
    next(stream)
    ada = gatehouse.new_person()
    ada.auth.Logout()
    [entry] = next(it for it in stream if it.revocations).revocations
    left = entry.expire_time.seconds - ada.tokens.expires_in
    assert entry.session == ada.session
    assert left > 1_600_000_000, "no earlier than the last token of the session expires"


def test_a_deleted_subject_is_revoked_as_a_whole(
    admin: Person, ada: Person, watch: Callable[..., Any]
) -> None:
    stream = watch()
    next(stream)
    admin.users.DeleteUser(name=ada.name)
    assert until(stream, {ada.session, ada.name})


def test_who_resumes_hears_only_what_is_newer(gatehouse: House, watch: Callable[..., Any]) -> None:
    old = revoke(gatehouse)
    stream = watch()
    message = next(stream)
    while old not in {it.session for it in message.revocations}:
        message = next(stream)
    missed = [revoke(gatehouse) for _ in range(2)]
    heard = until(watch(message.cursor), set(missed))
    assert old not in heard
    assert [it for it in heard if it in missed] == missed


def test_a_watcher_that_is_up_to_date_hears_nothing_old(
    gatehouse: House, watch: Callable[..., Any]
) -> None:
    revoke(gatehouse)
    stream = watch()
    next(stream)
    last = revoke(gatehouse)
    cursor = next(it for it in stream if last in {r.session for r in it.revocations}).cursor
    again = next(watch(cursor))
    assert list(again.revocations) == []
    assert again.cursor


def test_an_idle_watcher_gets_heartbeats(
    open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation_stream, "_HEARTBEAT", 0.02)
    stream = open_house().admin.auth.WatchRevocations()
    first = next(stream)
    beats = [next(stream) for _ in range(3)]
    assert all(beat.cursor and not beat.revocations for beat in beats)
    assert {beat.revision for beat in beats} == {first.revision}
    stream.cancel()


def test_the_revision_moves_with_what_may_change_a_decision(
    gatehouse: House, ada: Person, watch: Callable[..., Any]
) -> None:
    stream = watch()
    before = next(stream).revision
    gatehouse.grant(ada.name, "roles/auditor")
    moved = next(it.revision for it in stream if it.revision != before)
    gatehouse.take_roles(ada.name)
    assert next(it.revision for it in stream if it.revision != moved)


def test_the_revision_stays_when_somebody_signs_out(
    gatehouse: House, ada: Person, watch: Callable[..., Any]
) -> None:
    gatehouse.application.services.feed.read()  # of how ada came
    stream = watch()
    revisions = {next(stream).revision}
    ada.auth.Logout()
    message = next(it for it in stream if ada.session in {r.session for r in it.revocations})
    assert {message.revision} == revisions


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%%", "ü"])
def test_a_cursor_that_was_never_given_out_is_refused(
    watch: Callable[..., Any], cursor: str
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_CURSOR", fields={"cursor"}):
        next(watch(cursor))


def test_a_cursor_of_another_history_is_refused(
    gatehouse: House, watch: Callable[..., Any]
) -> None:
    here = gatehouse.application.services.database.history
    for there in (replace(here, system=1), replace(here, timeline=99), replace(here, database=1)):
        with refused(FAILED_PRECONDITION, reason="FOREIGN_REVISION"):
            next(watch(there.revision(0)))


def test_a_cursor_from_the_future_is_refused(gatehouse: House, watch: Callable[..., Any]) -> None:
    future = gatehouse.application.services.database.history.revision(2**40)
    with refused(FAILED_PRECONDITION, reason="FOREIGN_REVISION"):
        next(watch(future))


def test_watching_takes_a_permission(auditor: Person, watch: Callable[..., Any]) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        next(watch(who=auditor))


@pytest.fixture
def boss(gatehouse: House) -> Person:
    """Somebody who may watch."""
    return gatehouse.new_person("roles/admin")


def test_a_watcher_whose_session_ends_hears_no_more(
    boss: Person, watch: Callable[..., Any]
) -> None:
    stream = watch(who=boss)
    next(stream)
    boss.auth.Logout()
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        list(stream)


def test_a_watcher_who_may_no_longer_watch_hears_no_more(
    gatehouse: House, boss: Person, watch: Callable[..., Any]
) -> None:
    stream = watch(who=boss)
    next(stream)
    gatehouse.take_roles(boss.name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        list(stream)


def test_a_watcher_whose_token_expires_hears_no_more(
    open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    gatehouse = open_house()
    stream = gatehouse.admin.auth.WatchRevocations()
    next(stream)
    clock = gatehouse.application.services.clock
    later = clock.timestamp() + gatehouse.admin.tokens.expires_in + 1
    monkeypatch.setattr(clock, "timestamp", lambda: later)
    with refused(UNAUTHENTICATED, reason="TOKEN_EXPIRED"):
        list(stream)


def test_health_watchers_that_do_not_read_hold_up_no_revocation(
    open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_MOST_THREADS", 0)
    monkeypatch.setattr(watching, "_STALLED", 600.0)
    gatehouse = open_house()
    senders = gatehouse.application.health_senders
    with raw.unread("/grpc.health.v1.Health/Watch", gatehouse.address, count=8):
        wait_until(lambda: len(senders._busy) == watching._THREADS, "all senders blocked")
        stream = gatehouse.admin.auth.WatchRevocations()
        next(stream)
        session = revoke(gatehouse)
        assert session in until(stream, {session})
        stream.cancel()


def test_watchers_are_told_when_the_server_leaves(open_house: Callable[..., House]) -> None:
    gatehouse = open_house()
    stream = gatehouse.admin.auth.WatchRevocations()
    next(stream)
    gatehouse.application.senders.end_all()
    with refused(CANCELLED, reason="SHUTTING_DOWN"):
        list(stream)
