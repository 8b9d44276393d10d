"""Events as people read them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from gatehouse.events.v1.event_pb2 import Event
from google.protobuf.timestamp_pb2 import Timestamp

from service.cli.event_view import changes, line, named_in, row, type_prefix

SESSION = "sessions/01890a5d-ac96-774b-bcce-b302099a8057"
KEY = SESSION.replace("sessions", "serviceAccounts/ci/apiKeys")
USER = "users/01890a5d-ac96-774b-bcce-b302099a8058"
DIGEST = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"


@pytest.fixture(autouse=True)
def two_hours_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Etc/GMT-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def event(type_: str = "gatehouse.users.suspended", /, **data: Any) -> Event:
    made = Event(id="1", type=type_, subject=USER, actor="users/admin", peer_address="10.0.0.1")
    made.time.CopyFrom(Timestamp(seconds=1_800_000_000))
    made.data.update(data)
    return made


def called(subject: str) -> str:
    return {USER: "ada@example.org"}.get(subject, subject)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, ""),
        ({"fields": ["email", "attributes"]}, "email, attributes"),
        (
            {"fields": ["state"], "before": {"state": "ACTIVE"}, "after": {"state": "SUSPENDED"}},
            "state: ACTIVE -> SUSPENDED",
        ),
        ({"after": {"state": "PENDING"}}, "state=PENDING"),
        ({"before": {"size": 5}}, "size=5"),
        ({"before": {"size": 5}, "after": {"size": 5}}, ""),
        ({"before": {"size": 5.5}, "after": {"size": None}}, "size: 5.5 -> none"),
        (
            {
                "fields": ["permissions", "title"],
                "before": {"permissions": ["a.read", "a.write"]},
                "after": {"permissions": ["a.list", "a.read"]},
            },
            "title, permissions: +a.list -a.write",
        ),
        ({"role": "roles/editor", "path": "/a", "effect": ""}, "path=/a, role=roles/editor"),
        ({"session": SESSION, "grant": SESSION, "key": KEY}, ""),
        ({"destination": f"files/{SESSION}"}, f"destination=files/{SESSION}"),
        ({"member": USER}, "member=ada@example.org"),
        ({"member": USER.replace("8058", "8059")}, f"member={USER[:-1]}9"),
        ({"expire_time": "2026-12-31T18:00:00+00:00"}, "expire_time=2026-12-31 20:00"),
        ({"note": "2026-12-31To be or not"}, "note=2026-12-31To be or not"),
        ({"after": {"sha256": DIGEST, "size": 1e6}}, "sha256=b5bb9d8014a0, size=1000000"),
        ({"scopes": ["a:read", "b:read"], "kept": True}, "kept=yes, scopes=a:read b:read"),
        ({"before": ["a"], "after": "b", "more": {"a": 1}}, 'more={"a": 1.0}'),
    ],
)
def test_what_changed_is_said_in_a_few_words(data: dict[str, Any], words: str) -> None:
    assert changes(event(**data), called) == words


def test_a_row_has_people_by_address_and_times_of_here() -> None:
    assert row(event(), called) == [
        "2027-01-15 10:00:00",
        "users.suspended",
        "ada@example.org",
        "users/admin",
        "",
        "10.0.0.1",
        "events/1",
    ]


def test_a_line_tells_the_same_without_what_is_not_there() -> None:
    whole = event(reason="late")
    told = "2027-01-15 10:00:00  users.suspended         ada@example.org"
    assert line(whole, called) == f"{told}  by users/admin  reason=late"
    whole.ClearField("actor")
    whole.ClearField("data")
    assert line(whole, called) == told


def test_people_are_looked_for_wherever_an_event_names_them() -> None:
    assert {USER, "users/admin", "users/b"} <= set(named_in(event(member="users/b", n=1)))


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ("", ""),
        ("users.", "gatehouse.users."),
        ("g", "gatehouse.g"),
        ("gatehouse.users.created", "gatehouse.users.created"),
        (row(event(), called)[1], event().type),
    ],
)
def test_a_type_may_be_given_as_it_is_shown(given: str, prefix: str) -> None:
    assert type_prefix(given) == prefix
