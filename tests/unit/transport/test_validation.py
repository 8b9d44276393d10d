"""Broken rules are named by the path of their field."""

import pytest
from google.protobuf.message_factory import GetMessageClass

from service.kernel.errors import InvalidArgument
from service.transport.validation import _nothing_to_check, validator_of
from tests.unit.transport.trial import TRIAL, Ask

Free = GetMessageClass(TRIAL.file.message_types_by_name["Free"])


def broken(**fields: object) -> dict[str, str]:
    with pytest.raises(InvalidArgument) as refusal:
        validator_of(Ask)(Ask(**fields))
    return {it.field: it.description for it in refusal.value.violations}


def test_a_request_that_keeps_the_rules_passes() -> None:
    validator_of(Ask)(Ask(name="x", tags=["abc"], labels={"k": "v"}, inner={"note": "n"}))


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": "x" * 9}, "name"),
        ({"tags": ["a", "long"]}, "tags[1]"),
        ({"labels": {"team": "long"}}, 'labels["team"]'),
        ({"inner": {"note": "long"}}, "inner.note"),
    ],
)
def test_a_broken_rule_is_told_at_its_place(fields: dict[str, object], path: str) -> None:
    assert list(broken(**fields)) == [path]


def test_every_broken_rule_is_told_in_words() -> None:
    found = broken(name="x" * 9, inner={"note": "long"})
    assert set(found) == {"name", "inner.note"}
    assert all(found.values())


def test_the_message_names_the_first_three() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        validator_of(Ask)(Ask(name="x" * 9, tags=["long"] * 4))
    assert refusal.value.message.count(";") == 2


def test_a_message_without_rules_is_not_even_looked_at() -> None:
    assert validator_of(Free) is _nothing_to_check


def test_rules_in_nested_messages_count() -> None:
    assert validator_of(Ask) is not _nothing_to_check
