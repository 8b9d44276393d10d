"""The contract's `buf.validate` rules, and what breaks them in words."""

from collections.abc import Callable
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.message import Message
from protovalidate import Validator

from service.kernel.errors import FieldViolation, InvalidArgument

Validate = Callable[[Message], None]

_VALIDATOR = Validator()


def validator_of(request: type[Message]) -> Validate:
    """What checks a request; for one without rules, nothing does."""
    return _check if _has_rules(request.DESCRIPTOR, set()) else _nothing_to_check


def _nothing_to_check(message: Message) -> None:
    pass


def _check(message: Message) -> None:
    """Raises InvalidArgument with every broken rule."""
    found = _VALIDATOR.collect_violations(message)
    if not found:
        return
    violations = [FieldViolation(_path(one.proto), one.proto.message) for one in found]
    text = "; ".join(f"{one.field}: {one.description}" for one in violations[:3])
    raise InvalidArgument(text, violations)


def _path(violation: Any) -> str:
    """`user.attributes["team"]`, `names[3]`."""
    path = ""
    for element in violation.field.elements if violation.field else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            value = element.subscript.value
            path += f'["{value}"]' if isinstance(value, str) else f"[{value}]"
    return path


def _has_rules(message: Any, seen: set[str]) -> bool:
    if message.full_name in seen:
        return False
    seen.add(message.full_name)
    if message.GetOptions().HasExtension(validate_pb2.message):
        return True
    return any(
        field.GetOptions().HasExtension(validate_pb2.field)
        or (field.message_type is not None and _has_rules(field.message_type, seen))
        for field in message.fields
    )
