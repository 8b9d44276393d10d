"""Contents wherever they are kept, sealed or not, whole or not."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import grpc
import pytest

from tests.integration.files.conftest import Kept, OpenKept
from tests.support.files import content_of, cut, upload
from tests.support.places import FolderPlace
from tests.support.refusals import INVALID_ARGUMENT, Refusal, refused

DATA_LOSS = grpc.StatusCode.DATA_LOSS
PART = 4 * 1024 * 1024
SEALED = pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])


@SEALED
def test_content_is_the_same_wherever_it_is_kept(open_anywhere: OpenKept, sealed: bool) -> None:
    kept = open_anywhere(file_encryption=sealed)
    content = Random(3).randbytes(2 * PART + 70_000)
    upload(kept.admin, "files/a", content)
    assert len(kept.place.keys()) == 3
    assert content_of(kept.admin, "files/a") == content
    for offset, length in [(0, 1), (PART - 1, 2), (PART + 65_535, 65_538), (2 * PART, 70_001)]:
        got = content_of(kept.admin, "files/a", offset=offset, length=length)
        assert got == content[offset : offset + length]


def test_an_empty_file_needs_nothing_in_the_store(anywhere: Kept) -> None:
    upload(anywhere.admin, "files/a", b"")
    assert anywhere.place.keys() == set()
    assert content_of(anywhere.admin, "files/a") == b""


def test_uploads_at_once_and_those_that_fail_do_not_mix(
    kept: Kept,
) -> None:
    def content(number: int) -> bytes:
        return b"%d" % number * (PART + 1000 * number)

    def one(number: int) -> bool:
        if number % 3 == 2:
            with refused(INVALID_ARGUMENT, reason="CONTENT_MISMATCH"):
                upload(kept.admin, f"files/{number}", content(number), sha256="0" * 64)
            return False
        upload(kept.admin, f"files/{number}", cut(content(number), 300_000))
        return True

    for first in (0, 5):
        with ThreadPoolExecutor(5) as threads:
            done = list(threads.map(one, range(first, first + 5)))
        for number, there in enumerate(done, first):
            if there:
                assert content_of(kept.admin, f"files/{number}") == content(number)
        # What was kept before is untouched by what came after.
        assert content_of(kept.admin, "files/0") == content(0)


def told(kept: Kept, name: str) -> Refusal:
    with refused(DATA_LOSS, reason="FILE_DAMAGED") as refusal:
        list(kept.admin.files.DownloadFile(name=name))
    return refusal


@SEALED
def test_content_that_is_lost_is_told(
    open_kept: OpenKept, folder: FolderPlace, sealed: bool
) -> None:
    kept = open_kept(file_encryption=sealed)
    upload(kept.admin, "files/a", b"content")
    [key] = kept.place.keys()
    (folder.root / key).unlink()
    assert key not in told(kept, "files/a").message


@SEALED
@pytest.mark.parametrize("left", [0, 3])
def test_content_that_was_cut_is_told(open_kept: OpenKept, sealed: bool, left: int) -> None:
    kept = open_kept(file_encryption=sealed)
    upload(kept.admin, "files/a", b"content")
    [key] = kept.place.keys()
    kept.place.lay(key, b"con"[:left])
    told(kept, "files/a")


def test_sealed_content_that_was_changed_is_told(open_kept: OpenKept, folder: FolderPlace) -> None:
    kept = open_kept(file_encryption=True)
    upload(kept.admin, "files/a", b"content" * 20_000)
    [key] = kept.place.keys()
    path = folder.root / key
    changed = bytearray(path.read_bytes())
    changed[70_000] ^= 1
    path.write_bytes(changed)
    assert content_of(kept.admin, "files/a", length=60_000) == (b"content" * 20_000)[:60_000]
    told(kept, "files/a")


def test_sealed_content_in_anothers_place_is_told(open_kept: OpenKept, folder: FolderPlace) -> None:
    kept = open_kept(file_encryption=True)
    upload(kept.admin, "files/a", b"content")
    [one] = kept.place.keys()
    upload(kept.admin, "files/b", b"another")
    [other] = kept.place.keys() - {one}
    kept.place.lay(one, (folder.root / other).read_bytes())
    told(kept, "files/a")
    assert content_of(kept.admin, "files/b") == b"another"


def test_with_anothers_key_it_is_still_anothers_content(
    open_kept: OpenKept, folder: FolderPlace
) -> None:
    kept = open_kept(file_encryption=True)
    upload(kept.admin, "files/a", b"content")
    [one] = kept.place.keys()
    upload(kept.admin, "files/b", b"another")
    [other] = kept.place.keys() - {one}
    kept.place.lay(one, (folder.root / other).read_bytes())
    kept.house.sql(
        "UPDATE file_objects SET sealed_key = (SELECT sealed_key FROM file_objects o JOIN files f"
        " ON f.object = o.id WHERE name = 'files/b')"
    )
    told(kept, "files/a")
    assert content_of(kept.admin, "files/b") == b"another"


def test_what_was_kept_plain_is_read_when_new_content_is_sealed(
    open_kept: OpenKept,
) -> None:
    kept = open_kept()
    upload(kept.admin, "files/a", b"content")
    contents = kept.house.application.services.contents
    contents._encrypt = True
    upload(kept.admin, "files/b", b"content")
    assert content_of(kept.admin, "files/a") == content_of(kept.admin, "files/b") == b"content"
    contents._encrypt = False
    assert content_of(kept.admin, "files/b") == b"content"
