"""Field masks and etags, as every update uses them."""

import pytest

from service.kernel.updates import (
    EtagMismatch,
    InvalidUpdateMask,
    fields_to_change,
    require_etag,
)

CHANGEABLE = ("email", "display_name", "attributes")


def test_an_empty_mask_changes_what_is_set() -> None:
    assert fields_to_change([], CHANGEABLE, ["email"]) == {"email"}


def test_a_star_changes_all_that_can_be_changed() -> None:
    assert fields_to_change(["*"], CHANGEABLE, []) == set(CHANGEABLE)


def test_a_mask_changes_what_it_names_set_or_not() -> None:
    assert fields_to_change(["display_name"], CHANGEABLE, ["email"]) == {"display_name"}


@pytest.mark.parametrize("path", ["state", "name", "user.email", "", "*", "email.x", "displayName"])
def test_a_mask_that_names_anything_else_is_refused(path: str) -> None:
    with pytest.raises(InvalidUpdateMask) as refusal:
        fields_to_change(["email", path], CHANGEABLE, [])
    assert refusal.value.violations[0].field == "update_mask"


@pytest.mark.parametrize("given", ["", "7"])
def test_the_own_or_no_etag_passes(given: str) -> None:
    require_etag("users/1", "7", given)


@pytest.mark.parametrize("given", ["6", "8", "07", " 7", "7 "])
def test_any_other_etag_is_a_mismatch(given: str) -> None:
    with pytest.raises(EtagMismatch):
        require_etag("users/1", "7", given)
