"""Revisions and cursors: opaque, and good in one history only."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.storage.revision import ForeignRevision, History, InvalidCursor

HERE = History(2**63 + 5, 1, 16384)


@given(
    system=st.integers(0, 2**64 - 1),
    timeline=st.integers(1, 2**32 - 1),
    database=st.integers(1, 2**32 - 1),
    position=st.integers(0, 2**63 - 1),
)
def test_a_revision_leads_back_to_its_position(
    system: int, timeline: int, database: int, position: int
) -> None:
    history = History(system, timeline, database)
    assert history.position(history.revision(position)) == position


@pytest.mark.parametrize(
    "other",
    [replace(HERE, system=1), replace(HERE, timeline=2), replace(HERE, database=16385)],
)
def test_a_revision_of_another_history_is_foreign(other: History) -> None:
    with pytest.raises(ForeignRevision):
        HERE.position(other.revision(7))


@pytest.mark.parametrize("text", ["", "x", "AAAA", "ü", "=", "a" * 256, "%%%%"])
def test_what_was_never_given_out_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(InvalidCursor) as refusal:
        HERE.position(text, field="revision")
    assert refusal.value.violations[0].field == "revision"
