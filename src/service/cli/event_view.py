"""Events as people read them."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from gatehouse.events.v1.event_pb2 import Event
from google.protobuf.json_format import MessageToDict

from service.cli.screen import Column, exactly

# Every type begins so: it is left out where people read it, and need not be said.
_OURS = "gatehouse."

COLUMNS = [
    Column("TIME"),
    Column("TYPE", folds=True),
    Column("SUBJECT", folds=True),
    Column("ACTOR", folds=True),
    Column("CHANGED", from_width=100, folds=True),
    Column("FROM", from_width=160),
    Column("ID", from_width=180),
]

# What has no name but a number.
_NUMBERED = re.compile(r"(sessions|grants|events|serviceAccounts/[^/]+/apiKeys)/[0-9a-f-]{36}")

# What to call a subject; for a user perhaps their address.
Called = Callable[[str], str]


def type_prefix(given: str) -> str:
    """How a type begins, for what begins so with or without `gatehouse.`."""
    return given if not given or given.startswith("gatehouse") else f"{_OURS}{given}"


def type_shown(name: str) -> str:
    """A type or its beginning, as people read it."""
    return name.removeprefix(_OURS)


def row(event: Event, called: Called) -> list[str]:
    """An event, by `COLUMNS`."""
    return [
        exactly(event.time),
        type_shown(event.type),
        called(event.subject),
        called(event.actor),
        changes(event, called),
        event.peer_address,
        f"events/{event.id}",
    ]


def line(event: Event, called: Called) -> str:
    """An event in one line, aligned with most that come before and after."""
    time, kind, subject, actor, changed, *_ = row(event, called)
    told = [time, f"{kind:22}", subject, f"by {actor}" if actor else "", changed]
    return "  ".join(part for part in told if part)


def named_in(event: Event) -> Iterator[str]:
    """The subjects that the event names."""
    yield event.subject
    yield event.actor
    yield from (value.string_value for value in event.data.fields.values())


def changes(event: Event, called: Called) -> str:
    """What changed in a few words, and what else there is to know.

    `title, state: ACTIVE -> SUSPENDED, permissions: +a.read -a.write, role=roles/auditor`. Names
    that say nothing to people are left out.
    """
    data = MessageToDict(event.data)
    before, after = (_values(data.pop(when, None)) for when in ("before", "after"))
    # Those whose values are nobody's business come by name alone.
    words = [it for it in data.pop("fields", []) if it not in before and it not in after]
    for name in sorted({*before, *after}):
        if name in before and name in after:
            if before[name] == after[name]:
                continue
            words.append(f"{name}: {_change(before[name], after[name], called)}")
        else:
            words.append(f"{name}={_value((before | after)[name], called)}")
    words += [f"{k}={_value(v, called)}" for k, v in sorted(data.items()) if _says_something(v)]
    return ", ".join(words)


def _says_something(value: Any) -> bool:
    return value not in (None, "") and not _NUMBERED.fullmatch(str(value))


def _values(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _change(before: Any, after: Any, called: Called) -> str:
    if isinstance(before, list) and isinstance(after, list):
        added = [f"+{_value(it, called)}" for it in after if it not in before]
        return " ".join(added + [f"-{_value(it, called)}" for it in before if it not in after])
    return f"{_value(before, called)} -> {_value(after, called)}"


def _local(time: str) -> str:
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:  # it only began like one
        return time


def _value(value: Any, called: Called) -> str:
    match value:
        case None:
            return "none"
        case str() if re.fullmatch("[0-9a-f]{64}", value):
            return value[:12]  # a digest, as far as people compare them
        case str() if re.match(r"\d{4}-\d\d-\d\dT", value):
            return _local(value)
        case str():
            return called(value) or "''"
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(_value(it, called) for it in value)
        case float() if value.is_integer():
            return str(int(value))
    return json.dumps(value)
