"""Files: uploading, downloading, looking at, changing, moving and deleting them."""

from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from gatehouse.files.v1 import file_service_pb2 as pb

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.refusals import NOT_FOUND, refused

PART = 4 * 1024 * 1024
SEGMENT = 64 * 1024
# Text that would be recognised anywhere, and of which no two parts are alike.
LARGE = b"".join(b"What is in it: %09d." % line for line in range((9 * 1024 * 1024) // 25))


def test_what_is_uploaded_is_what_is_downloaded(admin: Person, name: str) -> None:
    content = b"What is in it." * 100_000
    file = upload(admin, name, content, content_type="text/plain", labels={"year": "2026"})
    assert (file.name, file.size, file.sha256) == (name, len(content), sha256(content).hexdigest())
    assert (file.content_type, dict(file.labels), file.creator) == (
        "text/plain",
        {"year": "2026"},
        admin.name,
    )
    assert admin.files.GetFile(name=name).file == file
    assert content_of(admin, name) == content


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, PART, PART + 1])
def test_content_of_any_size_comes_back(either: House, name: str, size: int) -> None:
    content = Random(size).randbytes(size)
    assert upload(either.admin, name, content).size == size
    assert content_of(either.admin, name) == content


@pytest.mark.parametrize("chunk", [1, 1000, 2 * 1024 * 1024])
def test_chunks_may_be_of_any_size(either: House, name: str, chunk: int) -> None:
    content = LARGE[: 700 * chunk][: PART + 1000]
    chunks = (content[at : at + chunk] for at in range(0, len(content), chunk))
    upload(either.admin, name, chunks)
    assert content_of(either.admin, name) == content


def test_any_part_of_a_file_can_be_downloaded(either: House, folder: str) -> None:
    name = f"{folder}/large"
    upload(either.admin, name, LARGE)
    size = len(LARGE)
    borders = [0, 1, SEGMENT, PART - SEGMENT, PART, PART + SEGMENT, 2 * PART, size - 1, size]
    for border in borders:
        for offset in {max(border - 1, 0), border, min(border + 1, size)}:
            for length in (1, 2, SEGMENT, SEGMENT + 1):
                got = content_of(either.admin, name, offset=offset, length=length)
                assert got == LARGE[offset : offset + length], (offset, length)
    assert (
        content_of(either.admin, name, offset=PART - 3, length=PART + 6)
        == (LARGE[PART - 3 : 2 * PART + 3])
    )
    assert content_of(either.admin, name, offset=1) == LARGE[1:]
    assert content_of(either.admin, name, length=2**62) == LARGE


def test_chunks_of_a_download_are_small(admin: Person, name: str) -> None:
    upload(admin, name, LARGE[: PART + 1])
    chunks = [it.chunk for it in admin.files.DownloadFile(name=name) if it.HasField("chunk")]
    assert max(map(len, chunks)) <= 1024 * 1024
    assert all(chunks)


def test_an_empty_file_is_a_file(admin: Person, name: str) -> None:
    file = upload(admin, name, b"")
    assert (file.size, file.sha256) == (0, sha256().hexdigest())
    kinds = [it.WhichOneof("content") for it in admin.files.DownloadFile(name=name)]
    assert kinds == ["file", "end"]


def test_empty_chunks_are_nothing(admin: Person, name: str) -> None:
    assert upload(admin, name, [b"", b"a", b"", b"", b"b", b""]).size == 2
    assert content_of(admin, name) == b"ab"


def test_who_does_not_say_what_it_is_gets_octets(admin: Person, name: str) -> None:
    assert upload(admin, name, b"?").content_type == "application/octet-stream"


def test_there_is_no_file_before_the_end_of_its_content(admin: Person, name: str) -> None:
    seen = []

    def look() -> object:
        yield b"first"
        with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
            admin.files.GetFile(name=name)
        seen.append(admin.files.ListFiles(parent=name).files)
        yield b"last"

    upload(admin, name, look())
    assert [list(it) for it in seen] == [[]]
    assert content_of(admin, name) == b"firstlast"


def test_sealed_content_is_not_plain_in_the_store(
    sealed: House, store_of_sealed: Path, folder: str
) -> None:
    content = b"Nobody but who may is to read this." * 10_000
    upload(sealed.admin, f"{folder}/secret", content)
    kept = [it.read_bytes() for it in store_of_sealed.rglob("*") if it.is_file()]
    assert sum(map(len, kept)) > len(content)
    assert not any(content[:16] in it for it in kept)


def test_no_two_files_of_the_same_content_are_sealed_alike(
    sealed: House, store_of_sealed: Path, folder: str
) -> None:
    before = set(store_of_sealed.rglob("*"))
    for number in range(2):
        upload(sealed.admin, f"{folder}/{number}", b"the same" * 1000)
    kept = [it.read_bytes() for it in set(store_of_sealed.rglob("*")) - before if it.is_file()]
    assert len(kept) == len(set(kept)) == 2


def test_the_keys_of_contents_are_sealed_too(sealed: House, name: str) -> None:
    upload(sealed.admin, name, b"secret")
    [row] = sealed.sql(
        "SELECT o.sealed_key FROM files f JOIN file_objects o ON o.id = f.object WHERE name = :it",
        it=name,
    )
    assert len(bytes(row.sealed_key)) > 32


def test_the_file_is_told_before_its_content(admin: Person, name: str) -> None:
    file = upload(admin, name, b"12345")
    first, *_, last = admin.files.DownloadFile(name=name, offset=3)
    assert first == pb.DownloadFileResponse(file=file)
    assert last.end.sha256 == file.sha256
