"""Names: what is one, what is none, and that no two that differ are one."""

from unicodedata import normalize

import pytest

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.refusals import ABORTED, INVALID_ARGUMENT, NOT_FOUND, refused

LONGEST = "files/" + "a" * (1023 - 6)
DEEPEST = "files" + "/a" * 63
NO_NAMES = [
    "files/../secret",
    "files/a/../../secret",
    "files/..",
    "files/.",
    "files/./a",
    "files/a/.",
    "/files/a",
    "/etc/passwd",
    "files//a",
    "files/a/",
    "files/",
    "files",
    "Files/a",
    "filesystem/a",
    "a",
    " files/a",
    "users/me",
    "files/a\0b",
    "files/a\nb",
    "files/\x7f",
    "files/\x85",
    "files/a\x01b",
    "files/" + "a" * 5000,
    LONGEST + "a",
    "files/" + "é" * 509,
    DEEPEST + "/a",
]
IDS = [f"{len(it)}:{it[:20]!a}" for it in NO_NAMES]
NAMES = [
    "a",
    "...",
    "..a",
    ".hidden",
    "a..",
    " ",
    "a b",
    "a\\..\\b",
    "C:\\a",
    "~",
    "%2e%2e%2f",
    "*?[]",
    "'; DROP TABLE files; --",
    "été",
    "\U0001f980",
    "\u202egpj.exe",
    "con",
    "a/b/c",
]


@pytest.mark.parametrize("name", NO_NAMES, ids=IDS)
def test_what_is_no_name_is_refused_wherever_one_is_asked_for(admin: Person, name: str) -> None:
    files = admin.files
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"header.name"}):
        upload(admin, name, b"x")
    for call in (files.GetFile, files.DeleteFile):
        with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"name"}):
            call(name=name)
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"name"}):
        next(files.DownloadFile(name=name))
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"file.name"}):
        files.UpdateFile(file={"name": name, "labels": {"a": "b"}})
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"name"}):
        files.MoveFile(name=name, destination="files/somewhere")
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"destination"}):
        files.MoveFile(name="files/nowhere", destination=name)
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"parent"}):
        files.ListFiles(parent=name)


@pytest.mark.parametrize("tail", NAMES, ids=ascii)
def test_what_only_looks_odd_is_a_name(admin: Person, folder: str, tail: str) -> None:
    name = f"{folder}/{tail}"
    assert upload(admin, name, tail.encode()).name == name
    assert content_of(admin, name) == tail.encode()
    assert [it.name for it in admin.files.ListFiles(parent=name).files] == [name]


def test_the_longest_and_the_deepest_are_names(admin: Person) -> None:
    for name in (LONGEST, DEEPEST, "files/" + "é" * 508):
        upload(admin, name, b"x")
        assert content_of(admin, name) == b"x"
        admin.files.DeleteFile(name=name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Report", "report"),
        (normalize("NFC", "é"), normalize("NFD", "é")),
        ("a", "a "),
        ("a", "a."),
        ("ſ", "s"),
        ("ß", "ss"),
        ("\u212b", "\u00c5"),
    ],
    ids=ascii,
)
def test_names_that_differ_in_a_byte_are_two(
    admin: Person, folder: str, one: str, other: str
) -> None:
    upload(admin, f"{folder}/{one}", b"one")
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
        admin.files.GetFile(name=f"{folder}/{other}")
    upload(admin, f"{folder}/{other}", b"other")
    assert content_of(admin, f"{folder}/{one}") == b"one"
    assert content_of(admin, f"{folder}/{other}") == b"other"
    assert len(admin.files.ListFiles(parent=folder).files) == 2


def test_a_folder_may_be_a_file_as_well(admin: Person, folder: str) -> None:
    upload(admin, f"{folder}/a/x", b"in it")
    upload(admin, f"{folder}/a", b"the folder")
    assert content_of(admin, f"{folder}/a") == b"the folder"
    admin.files.DeleteFile(name=f"{folder}/a")
    assert content_of(admin, f"{folder}/a/x") == b"in it"


def test_an_etag_is_no_other_files_of_the_same_name(admin: Person, name: str) -> None:
    first = upload(admin, name, b"same")
    admin.files.DeleteFile(name=name)
    assert upload(admin, name, b"same").etag != first.etag
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.files.DeleteFile(name=name, etag=first.etag)


@pytest.mark.parametrize("etag", ["x", "0", "*", "a" * 128])
def test_a_made_up_etag_is_no_files(admin: Person, name: str, etag: str) -> None:
    upload(admin, name, b"x")
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.files.DeleteFile(name=name, etag=etag)
