"""Files as people name them."""

import pytest

from service.cli.file_contents import _guessed
from service.cli.file_names import file_in, file_name, folder_name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("files/reports/q3.pdf", "files/reports/q3.pdf"),
        ("/files/reports/q3.pdf", "files/reports/q3.pdf"),
        ("reports/q3.pdf", "files/reports/q3.pdf"),
        ("/reports/q3.pdf", "files/reports/q3.pdf"),
        ("me/q3.pdf", "files/users/me/q3.pdf"),
        ("users/me/q3.pdf", "files/users/me/q3.pdf"),
        ("files/me/q3.pdf", "files/me/q3.pdf"),
        ("files", "files/files"),
        ("me", "files/me"),
        # What is wrong with these the server says.
        ("", "files/"),
        ("reports//q3.pdf", "files/reports//q3.pdf"),
    ],
)
def test_a_file_is_named_by_name_by_path_or_as_ones_own(given: str, name: str) -> None:
    assert file_name(given) == name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("reports/", "files/reports/q3.pdf"),
        ("me/", "files/users/me/q3.pdf"),
        ("files/", "files/q3.pdf"),
        ("/", "files/q3.pdf"),
        ("reports", "files/reports"),
    ],
)
def test_in_what_ends_in_a_slash_it_keeps_its_own_name(given: str, name: str) -> None:
    assert file_in(given, "q3.pdf") == name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("", ""),
        ("/", ""),
        ("files", ""),
        ("/files/", ""),
        ("reports/2026/", "files/reports/2026"),
        ("/files/reports", "files/reports"),
        ("me", "files/users/me"),
        ("me/notes/", "files/users/me/notes"),
    ],
)
def test_a_folder_may_end_in_a_slash_or_be_all_there_is(given: str, name: str) -> None:
    assert folder_name(given) == name


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("files/q3.pdf", "application/pdf"),
        ("files/a.txt", "text/plain"),
        ("files/a.sql.gz", "application/gzip"),
        ("files/a.tar.xz", ""),
        ("files/a", ""),
        ("files/data:text/x", ""),
        ("data:,a.pdf", "application/pdf"),
    ],
)
def test_the_name_says_what_a_file_is(name: str, content_type: str) -> None:
    assert _guessed(name) == content_type
