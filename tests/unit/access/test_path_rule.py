"""The contract's rule for an access path and the kernel's own agree on every string."""

import pytest
from gatehouse.access.v1.access_service_pb2 import CheckAccessRequest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from protovalidate import Validator

from service.kernel import paths
from service.kernel.errors import InvalidArgument

_VALIDATOR = Validator()
_SEGMENTS = st.sampled_from(["", ".", "..", "...", "a", "é", "a.b", "\0", "\x85", "\u2028", " "])
_JOINED = st.lists(_SEGMENTS, max_size=70).map("/".join)
_LONG = st.integers(1000, 1030).map(lambda size: "/" + "a" * size)
_ANY = st.text(st.characters(codec="utf-8"), max_size=30)
STRINGS = st.one_of(_ANY, _JOINED, _ANY.map("/{}".format), _JOINED.map("/{}".format), _LONG)


def of_the_contract(path: str) -> bool:
    request = CheckAccessRequest(permission="a.b", path=path)
    return not _VALIDATOR.collect_violations(request)


def of_the_kernel(path: str) -> bool:
    try:
        return paths.check(path) == path
    except InvalidArgument:
        return False


@given(path=STRINGS)
@example("")
@example("/")
@example("/a/")
@example("/a\n")
@example("/" + "é" * 511)
@example("/" + "é" * 512)
@example("/a" * 64)
@example("/a" * 65)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_both_accept_the_same_paths(path: str) -> None:
    assert of_the_contract(path) is of_the_kernel(path)


@pytest.mark.parametrize("path", ["/", "/a", "/a/b.c/...", "/" + "é" * 511])
def test_and_they_do_accept_some(path: str) -> None:
    assert of_the_contract(path)
    assert of_the_kernel(path)
