"""Requests that mean no good, made from the contract's own messages, so that none is left out."""

from collections.abc import Iterator
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_NOBODY = "0190a5b4-0000-7000-8000-000000000000"
_TEXTS = [
    "",
    " ",
    "\0",
    "a\x1b[31mb",
    "users/me",
    f"users/{_NOBODY}",
    f"sessions/{_NOBODY}",
    "groups/nonsense",
    "serviceAccounts/nonsense",
    f"serviceAccounts/nonsense/apiKeys/{_NOBODY}",
    "roles/nonsense",
    "files/nonsense",
    "files/../nonsense",
    "files/users/me/nonsense",
    "text/plain",
    "nonsense.read",
    "nonsense:read",
    "/nonsense",
    "users/../roles/owner",
    "/",
    "*",
    "' OR 1=1 --",
    "%s%n{0}${x}",
    "é" * 300,
    "\U0001f980" * 2000,
    "a@example.org",
    "ghr_" + "A" * 70,
    "-1",
    "user.email",
    "\ud7ff\ufffe\u202e",
    "A" * 100_000,
]
_WHOLES = [0, 1, -1, 99, 1000, 1001, 2**31 - 1, -(2**31)]
_LONGS = [*_WHOLES, 2**62, 2**63 - 1, -(2**63), 253402300799, -62135596801, 315_576_000_001]
_BYTES = [b"", b"\0", b"\xff" * 100]


def request(kind: type[Message], random: Random) -> Message:
    """A well-formed message whose fields hold whatever is in the bag."""
    message = kind()
    _fill(message, random, depth=0)
    return message


def stream(kind: type[Message], random: Random) -> list[Message]:
    """A few of them, as many as may be."""
    return [request(kind, random) for _ in range(random.choice([0, 1, 2, 4]))]


def payloads(kind: type[Message], random: Random, count: int) -> Iterator[bytes]:
    """Bytes: random, cut, changed, and of other types than they should be."""
    yield b""
    yield b"\xff"
    yield b"\x0a" * 5000
    yield b"\x0b" * 200  # groups that never end
    yield b"\x0a\xff\xff\xff\xff\x0f"
    for _ in range(count):
        whole = request(kind, random).SerializeToString()[:2000]
        yield random.randbytes(random.randrange(1, 200))
        yield whole[: random.randrange(len(whole) + 1)]
        if whole:
            changed = bytearray(whole)
            for _ in range(3):
                changed[random.randrange(len(changed))] = random.randrange(256)
            yield bytes(changed)


def _fill(message: Message, random: Random, *, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if random.random() < 0.3 or depth > 3:
            continue
        if field.message_type and field.message_type.GetOptions().map_entry:
            entries = getattr(message, field.name)
            for _ in range(random.choice([1, 2, 70])):
                entries[random.choice(_TEXTS)[:200] + str(random.random())] = random.choice(_TEXTS)
        elif field.is_repeated:
            for _ in range(random.choice([1, 2, 3])):
                _add(getattr(message, field.name), field, random, depth)
        elif field.message_type:
            child = getattr(message, field.name)
            child.SetInParent()
            _fill(child, random, depth=depth + 1)
        else:
            setattr(message, field.name, _value(field, random))


def _add(values: Any, field: FieldDescriptor, random: Random, depth: int) -> None:
    if field.message_type:
        _fill(values.add(), random, depth=depth + 1)
    else:
        values.append(_value(field, random))


def _value(field: FieldDescriptor, random: Random) -> Any:
    kinds = {
        FieldDescriptor.CPPTYPE_STRING: _BYTES if field.type == field.TYPE_BYTES else _TEXTS,
        FieldDescriptor.CPPTYPE_BOOL: [True, False],
        FieldDescriptor.CPPTYPE_INT32: _WHOLES,
        FieldDescriptor.CPPTYPE_INT64: _LONGS,
        FieldDescriptor.CPPTYPE_UINT32: [0, 1, 2**32 - 1],
        FieldDescriptor.CPPTYPE_UINT64: [0, 1, 2**64 - 1],
        FieldDescriptor.CPPTYPE_ENUM: _WHOLES,
        FieldDescriptor.CPPTYPE_DOUBLE: [0.0, -1.5, float("inf"), float("nan")],
        FieldDescriptor.CPPTYPE_FLOAT: [0.0, -1.5, float("inf"), float("nan")],
    }
    return random.choice(kinds[field.cpp_type])
