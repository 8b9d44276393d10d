"""Pages: tokens that only this service makes, each good for one list asked one way."""

import base64
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.kernel.crypto import KeyRing
from service.kernel.errors import InvalidArgument
from service.storage.pages import InvalidPageToken, Page, Pager, PageRequest

RING = KeyRing([b"k" * 32])


class Numbers:
    """A list of numbers, as a repository lists it."""

    def __init__(self, count: int) -> None:
        self.all = list(range(count))
        self.limits: list[int] = []

    def read(self, after: Sequence[str] | None, limit: int) -> list[int]:
        self.limits.append(limit)
        start = int(after[0]) if after else -1
        return [it for it in self.all if it > start][:limit]


def page(
    numbers: Numbers, size: int = 0, token: str = "", arguments: str = "n", ring: KeyRing = RING
) -> Page[int]:
    return Pager(ring).page(
        PageRequest(size, token, arguments), numbers.read, lambda it: (str(it),)
    )


@given(count=st.integers(0, 40), size=st.integers(1, 13))
def test_the_pages_together_are_the_list(count: int, size: int) -> None:
    numbers, seen, token = Numbers(count), [], ""
    while True:
        found = page(numbers, size, token)
        seen += found.items
        token = found.next_page_token
        if not token:
            break
        assert len(found.items) == size, "short only at the end"
    assert seen == numbers.all


def test_an_empty_list_is_one_empty_page() -> None:
    assert page(Numbers(0)) == Page([], "")


def test_a_list_that_just_fits_has_no_next_page() -> None:
    assert page(Numbers(5), size=5).next_page_token == ""


def test_unset_is_fifty() -> None:
    assert len(page(Numbers(60)).items) == 50


@pytest.mark.parametrize("size", [1000, 1001, 2**31 - 1])
def test_no_page_is_longer_than_a_thousand(size: int) -> None:
    numbers = Numbers(1002)
    assert len(page(numbers, size).items) == 1000
    assert numbers.limits == [1001]


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        page(Numbers(1), -1)
    assert refusal.value.violations[0].field == "page_size"


def test_a_page_may_be_of_another_size_than_the_one_before() -> None:
    token = page(Numbers(20), 5).next_page_token
    assert page(Numbers(20), 3, token).items == [5, 6, 7]


def test_a_token_of_other_arguments_is_refused() -> None:
    token = page(Numbers(9), 3).next_page_token
    with pytest.raises(InvalidPageToken):
        page(Numbers(9), 3, token, arguments="m")


def test_a_token_of_another_key_is_refused() -> None:
    token = page(Numbers(9), 3).next_page_token
    with pytest.raises(InvalidPageToken):
        page(Numbers(9), 3, token, ring=KeyRing([b"o" * 32]))


def test_a_token_survives_a_new_key_in_front() -> None:
    token = page(Numbers(9), 3).next_page_token
    assert page(Numbers(9), 3, token, ring=KeyRing([b"o" * 32, b"k" * 32])).items == [3, 4, 5]


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "%%%",
        "ü",
        "\x00",
        "a" * 2048,
        base64.urlsafe_b64encode(b"short").decode(),
        base64.urlsafe_b64encode(bytes(16) + json.dumps(["3"]).encode()).decode(),
        base64.urlsafe_b64encode(bytes(16)).decode(),
    ],
)
def test_what_was_never_a_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidPageToken) as refusal:
        page(Numbers(9), 3, token)
    assert refusal.value.violations[0].field == "page_token"


@pytest.mark.parametrize("position", [0, 15, 16, -1])
def test_a_changed_token_is_refused(position: int) -> None:
    packed = bytearray(base64.urlsafe_b64decode(page(Numbers(9), 3).next_page_token))
    packed[position] ^= 1
    with pytest.raises(InvalidPageToken):
        page(Numbers(9), 3, base64.urlsafe_b64encode(packed).decode())


def test_a_page_is_no_larger_than_a_message_and_nothing_is_left_out() -> None:
    numbers, seen, token, sizes = Numbers(9), [], "", []
    mib = 1024 * 1024
    while True:
        request = PageRequest(1000, token, "n")
        found = Pager(RING).page(request, numbers.read, lambda it: (str(it),), lambda _: mib)
        seen += found.items
        sizes.append(len(found.items))
        if not (token := found.next_page_token):
            break
    assert seen == numbers.all
    assert sizes == [3, 3, 3]


def test_what_is_larger_than_a_message_is_a_page_of_its_own() -> None:
    request = PageRequest(1000, "", "n")
    found = Pager(RING).page(request, Numbers(2).read, lambda it: (str(it),), lambda _: 9 << 20)
    assert found.items == [0]
    assert found.next_page_token
