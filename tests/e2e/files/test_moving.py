"""Moving: the right to read and take it from here, the right to write there, and nothing told."""

from collections.abc import Callable

import pytest

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.refusals import (
    ABORTED,
    ALREADY_EXISTS,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    refused,
)


@pytest.fixture
def there(name: str) -> str:
    """Where it goes."""
    return f"{name.rpartition('/')[0]}-elsewhere/some.txt"


@pytest.fixture
def mover(gatehouse: House, admin: Person, name: str, there: str) -> Callable[..., Person]:
    """Makes somebody who may do these here, and those there."""

    def make(here: str, elsewhere: str) -> Person:
        person = gatehouse.new_person()
        for verbs, path in ((here, name), (elsewhere, there)):
            for verb in verbs.split():
                gatehouse.grant(person.name, only(gatehouse, verb), f"/{path}")
        return person

    return make


def only(gatehouse: House, verb: str) -> str:
    """A role that allows only this."""
    role = f"roles/files-only-{verb}"
    if not gatehouse.sql("SELECT 1 FROM roles WHERE name = :it", it=role):
        gatehouse.admin.roles.CreateRole(role={"name": role, "permissions": [f"files.{verb}"]})
    return role


def test_all_but_the_name_stays_as_it_was(admin: Person, name: str, there: str) -> None:
    before = upload(admin, name, b"content", content_type="text/plain", labels={"a": "1"})
    after = admin.files.MoveFile(name=name, destination=there).file
    assert (after.name, after.size, after.sha256) == (there, 7, before.sha256)
    assert (after.content_type, after.labels) == (before.content_type, before.labels)
    assert (after.creator, after.create_time) == (before.creator, before.create_time)
    assert after.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()
    assert after.etag != before.etag
    assert admin.files.GetFile(name=there).file == after
    assert content_of(admin, there) == b"content"
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
        admin.files.GetFile(name=name)


def test_reading_and_deleting_here_and_writing_there_is_enough(
    admin: Person, name: str, there: str, mover: Callable[..., Person]
) -> None:
    upload(admin, name, b"content")
    mover("read delete", "write").files.MoveFile(name=name, destination=there)
    assert content_of(admin, there) == b"content"


@pytest.mark.parametrize("exists", [True, False], ids=["there", "not there"])
@pytest.mark.parametrize("taken", [True, False], ids=["taken", "free"])
@pytest.mark.parametrize(
    ("here", "elsewhere"),
    [
        ("", ""),
        ("read write", "read write delete"),
        ("delete write", "read write delete"),
        ("read write delete", "read delete"),
    ],
)
def test_less_is_too_little_and_tells_nothing(
    admin: Person,
    name: str,
    there: str,
    mover: Callable[..., Person],
    here: str,
    elsewhere: str,
    taken: bool,
    exists: bool,
) -> None:
    if exists:
        upload(admin, name, b"content")
    if taken:
        upload(admin, there, b"in the way")
    lacks = f"/{there}" if "delete" in here and "read" in here else f"/{name}"
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
        mover(here, elsewhere).files.MoveFile(name=name, destination=there)
    assert refusal.metadata["path"] == lacks
    assert (refusal.resource, refusal.fields) == (("", ""), {})


def test_a_taken_destination_is_left_as_it_is(admin: Person, name: str, there: str) -> None:
    upload(admin, name, b"content")
    upload(admin, there, b"in the way")
    with refused(ALREADY_EXISTS, reason="NAME_TAKEN"):
        admin.files.MoveFile(name=name, destination=there)
    assert content_of(admin, name) == b"content"
    assert content_of(admin, there) == b"in the way"


def test_what_is_not_there_cannot_be_moved(admin: Person, name: str, there: str) -> None:
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND") as refusal:
        admin.files.MoveFile(name=name, destination=there)
    assert refusal.resource == ("gatehouse.files.v1.File", name)


def test_nothing_is_moved_onto_itself(admin: Person, name: str) -> None:
    upload(admin, name, b"content")
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"destination"}):
        admin.files.MoveFile(name=name, destination=name)
    mine = f"files/{admin.name}/{name.rpartition('/')[2]}"
    upload(admin, mine, b"content")
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"destination"}):
        admin.files.MoveFile(name=mine, destination=mine.replace(admin.name, "users/me"))
    admin.files.DeleteFile(name=mine)


def test_only_what_has_not_changed_is_moved_by_etag(admin: Person, name: str, there: str) -> None:
    first = upload(admin, name, b"content")
    second = admin.files.UpdateFile(file={"name": name, "labels": {"a": "1"}}).file
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.files.MoveFile(name=name, destination=there, etag=first.etag)
    admin.files.MoveFile(name=name, destination=there, etag=second.etag)


def test_from_there_on_the_grants_of_the_new_place_decide(
    gatehouse: House, admin: Person, reader: Person, name: str, there: str
) -> None:
    other = gatehouse.new_person()
    gatehouse.grant(other.name, "roles/file-reader", f"/{there}")
    upload(admin, name, b"content")
    assert content_of(reader, name) == b"content"
    admin.files.MoveFile(name=name, destination=there)
    assert content_of(other, there) == b"content"
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        reader.files.GetFile(name=there)
    assert reader.access.CheckAccess(permission="files.read", path=f"/{name}").allowed


def test_a_name_that_was_left_can_be_had_again(admin: Person, name: str, there: str) -> None:
    upload(admin, name, b"first")
    admin.files.MoveFile(name=name, destination=there)
    upload(admin, name, b"second")
    admin.files.DeleteFile(name=there)
    admin.files.MoveFile(name=name, destination=there)
    assert content_of(admin, there) == b"second"


def test_two_files_do_not_lose_each_other_when_they_change_places(
    admin: Person, folder: str
) -> None:
    a, b, c = (f"{folder}/{it}" for it in "abc")
    upload(admin, a, b"a")
    upload(admin, b, b"b")
    for name, destination in ((a, c), (b, a), (c, b)):
        admin.files.MoveFile(name=name, destination=destination)
    assert (content_of(admin, a), content_of(admin, b)) == (b"b", b"a")


def test_a_name_that_grows_too_long_where_it_says_me_is_refused(ada: Person) -> None:
    upload(ada, "files/users/me/a", b"x")
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS") as refusal:
        ada.files.MoveFile(name="files/users/me/a", destination=f"files/users/me/{'a' * 1000}")
    assert list(refusal.fields) == ["destination"]
    assert content_of(ada, f"files/{ada.name}/a") == b"x"
