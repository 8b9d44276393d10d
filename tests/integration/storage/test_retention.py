"""What nobody needs any more is deleted, and nothing else."""

from service.storage.retention import purge
from tests.support.house import House


def test_answers_are_kept_for_a_day(gatehouse: House) -> None:
    gatehouse.sql(
        "INSERT INTO requests (subject, id, method, digest, answer, time) VALUES"
        " ('users/x', 'old', 'm', '', '', now() - interval '25 hours'),"
        " ('users/x', 'young', 'm', '', '', now() - interval '23 hours')"
    )
    assert purge(gatehouse.application.services.database)["requests"] == 1
    left = gatehouse.sql("SELECT id FROM requests WHERE subject = 'users/x'")
    assert [row.id for row in left] == ["young"]


def test_a_revocation_is_kept_as_long_as_there_may_be_tokens_it_refuses(gatehouse: House) -> None:
    gatehouse.sql(
        "INSERT INTO changes (kind, key, time, expire_time) VALUES"
        " ('token.revoked', 'still', now() - interval '30 days', now() + interval '1 hour'),"
        " ('token.revoked', 'over', now() - interval '30 days', now() - interval '25 hours'),"
        " ('user', 'users/long-ago', now() - interval '25 hours', NULL),"
        " ('user', 'users/now', now(), NULL)"
    )
    purge(gatehouse.application.services.database)
    keys = {row.key for row in gatehouse.sql("SELECT key FROM changes")}
    assert {"still", "users/now"} <= keys
    assert not {"over", "users/long-ago"} & keys


def test_the_newest_change_stays_however_old_because_it_says_where_everyone_is(
    gatehouse: House,
) -> None:
    gatehouse.sql("UPDATE changes SET time = now() - interval '9 days', expire_time = NULL")
    [latest] = gatehouse.sql("SELECT max(position) AS position FROM changes")
    purge(gatehouse.application.services.database)
    assert gatehouse.sql("SELECT position FROM changes") == [latest]


def test_ended_sessions_can_be_looked_at_for_a_month(gatehouse: House) -> None:
    old = gatehouse.new_person().tokens.session.removeprefix("sessions/")
    young = gatehouse.new_person().tokens.session.removeprefix("sessions/")
    move = "UPDATE sessions SET end_time = now() - CAST(:ago AS interval) WHERE id = :id"
    gatehouse.sql(move, ago="31 days", id=old)
    gatehouse.sql(move, ago="29 days", id=young)
    purge(gatehouse.application.services.database)
    left = {str(row.id) for row in gatehouse.sql("SELECT id FROM sessions")}
    assert young in left
    assert old not in left


def test_much_is_deleted_in_many_small_transactions(gatehouse: House) -> None:
    gatehouse.sql(
        "INSERT INTO requests (subject, id, method, digest, answer, time)"
        " SELECT 'users/y', n::text, 'm', '', '', now() - interval '2 days'"
        " FROM generate_series(1, 12000) n"
    )
    assert purge(gatehouse.application.services.database)["requests"] == 12_000
