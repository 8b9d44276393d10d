"""Access paths: which are taken, and what stands above them."""

import pytest

from service.kernel import paths
from service.kernel.errors import InvalidArgument


@pytest.mark.parametrize(
    "path", ["/", "/a", "/projects/apollo/documents/42", "/a b", "/ünï", "/...", "/a/.b", "/-"]
)
def test_a_path_is_answered_as_it_was_given(path: str) -> None:
    assert paths.check(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "a/b",
        "//",
        "/a/",
        "/a//b",
        "/.",
        "/a/..",
        "/../a",
        "/a/./b",
        "/a\x00b",
        "/a\n",
        "/\x7f",
        "/\x85",
    ],
)
def test_what_is_no_path_is_refused_at_its_field(path: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        paths.check(path, field="where")
    assert [it.field for it in refusal.value.violations] == ["where"]


def test_a_path_holds_1024_bytes_and_no_more() -> None:
    paths.check("/" + "é" * 511 + "a")
    with pytest.raises(InvalidArgument, match="1024 bytes"):
        paths.check("/" + "é" * 512)


def test_a_path_holds_64_segments_and_no_more() -> None:
    paths.check("/a" * 64)
    with pytest.raises(InvalidArgument, match="64 segments"):
        paths.check("/a" * 65)


def test_the_ancestors_of_a_path_are_itself_and_each_folder_up_to_the_root() -> None:
    assert list(paths.ancestors("/a/b/c")) == ["/a/b/c", "/a/b", "/a", "/"]


def test_the_root_has_no_other_ancestor() -> None:
    assert list(paths.ancestors("/")) == ["/"]
