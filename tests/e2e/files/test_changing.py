"""Changing what a file is said to be, and deleting it."""

from typing import Any

import pytest

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.refusals import ABORTED, INVALID_ARGUMENT, NOT_FOUND, refused


@pytest.fixture
def file(admin: Person, name: str) -> Any:
    """A text with two labels."""
    return upload(admin, name, b"x", content_type="text/plain", labels={"a": "1", "b": "2"})


def mask(*paths: str) -> dict[str, list[str]]:
    return {"paths": list(paths)}


def test_a_mask_changes_what_it_names_and_nothing_else(admin: Person, file: Any) -> None:
    wanted = {"name": file.name, "content_type": "text/html", "labels": {"c": "3"}}
    after = admin.files.UpdateFile(file=wanted, update_mask=mask("content_type")).file
    assert (after.content_type, after.labels) == ("text/html", file.labels)
    assert after.etag != file.etag
    assert after.update_time.ToNanoseconds() > file.update_time.ToNanoseconds()
    assert (after.create_time, after.sha256) == (file.create_time, file.sha256)
    assert admin.files.GetFile(name=file.name).file == after
    assert content_of(admin, file.name) == b"x"


def test_without_a_mask_what_is_set_is_changed(admin: Person, file: Any) -> None:
    after = admin.files.UpdateFile(file={"name": file.name, "labels": {"c": "3"}}).file
    assert (after.content_type, dict(after.labels)) == ("text/plain", {"c": "3"})


def test_a_star_replaces_all_that_can_be_changed(admin: Person, file: Any) -> None:
    wanted = {"name": file.name, "size": 7, "sha256": "0", "creator": "users/me"}
    after = admin.files.UpdateFile(file=wanted, update_mask=mask("*")).file
    assert (after.content_type, dict(after.labels)) == ("application/octet-stream", {})
    assert (after.size, after.sha256, after.creator) == (1, file.sha256, admin.name)


def test_labels_can_be_taken_away(admin: Person, file: Any) -> None:
    after = admin.files.UpdateFile(file={"name": file.name}, update_mask=mask("labels")).file
    assert dict(after.labels) == {}


@pytest.mark.parametrize(
    "path", ["name", "size", "sha256", "creator", "etag", "labels.a", "file.labels", "nonsense"]
)
def test_a_mask_may_name_only_what_can_be_changed(admin: Person, file: Any, path: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_UPDATE_MASK", fields={"update_mask"}):
        admin.files.UpdateFile(file={"name": file.name}, update_mask=mask("labels", path))


@pytest.mark.parametrize(
    "again", [{}, {"content_type": "text/plain"}, {"labels": {"a": "1", "b": "2"}}]
)
def test_an_update_that_changes_nothing_leaves_the_etag(
    admin: Person, file: Any, again: dict[str, Any]
) -> None:
    assert admin.files.UpdateFile(file={"name": file.name} | again).file == file


def test_a_type_that_nobody_knew_is_still_unknown_when_cleared(admin: Person, name: str) -> None:
    file = upload(admin, name, b"x")
    wanted = {"name": name}
    assert admin.files.UpdateFile(file=wanted, update_mask=mask("content_type")).file == file


@pytest.mark.parametrize(
    ("field", "value"),
    [("content_type", "text"), ("labels", {"A": "x"}), ("labels", {"a": "\n"})],
)
def test_what_breaks_the_rules_is_refused(
    admin: Person, file: Any, field: str, value: object
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS") as refusal:
        admin.files.UpdateFile(file={"name": file.name, field: value})
    assert all(it.startswith(f"file.{field}") for it in refusal.fields)


def test_only_what_has_not_changed_is_changed_by_etag(admin: Person, file: Any) -> None:
    wanted = {"name": file.name, "etag": file.etag, "labels": {"c": "3"}}
    after = admin.files.UpdateFile(file=wanted).file
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.files.UpdateFile(file=wanted | {"labels": {}}, update_mask=mask("labels"))
    assert admin.files.GetFile(name=file.name).file == after


def test_what_is_not_there_cannot_be_changed_nor_deleted(admin: Person, name: str) -> None:
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
        admin.files.UpdateFile(file={"name": name, "labels": {"a": "1"}})
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
        admin.files.DeleteFile(name=name)


def test_what_is_deleted_is_gone(admin: Person, file: Any) -> None:
    admin.files.DeleteFile(name=file.name)
    for rpc in ("GetFile", "DeleteFile"):
        with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
            getattr(admin.files, rpc)(name=file.name)
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
        next(admin.files.DownloadFile(name=file.name))
    assert list(admin.files.ListFiles(parent=file.name).files) == []


def test_only_what_has_not_changed_is_deleted_by_etag(admin: Person, file: Any) -> None:
    after = admin.files.UpdateFile(file={"name": file.name, "labels": {"c": "3"}}).file
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.files.DeleteFile(name=file.name, etag=file.etag)
    admin.files.DeleteFile(name=file.name, etag=after.etag)
