"""E-mail addresses that are one mailbox, and those that merely look alike."""

import pytest

from service.kernel.emails import comparable, same_mailbox


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.org", "ADA@Example.ORG"),
        ("\u00e9va@example.org", "E\u0301va@example.org"),
    ],
    ids=ascii,
)
def test_case_and_the_composition_of_accents_do_not_count(one: str, other: str) -> None:
    assert same_mailbox(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@stra\u00dfe.example", "ada@strasse.example"),
        ("\ufb01n@example.org", "fin@example.org"),
        ("\u017fue@example.org", "sue@example.org"),
        ("\u03c2@example.org", "\u03c3@example.org"),
    ],
    ids=ascii,
)
def test_letters_that_fold_alike_are_different_letters(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)
    assert not same_mailbox(one, other)
