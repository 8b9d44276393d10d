"""Service accounts and their keys: what they are granted, as far as their scopes go."""

import pytest

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.refusals import PERMISSION_DENIED, refused


def test_a_service_has_no_folder_of_its_own(gatehouse: House) -> None:
    service = gatehouse.new_service()
    for name in (f"files/{service.name}/a", f"files/users/{service.name}/a", "files/users/me/a"):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
            upload(service, name, b"x")


def test_a_service_reaches_what_it_is_granted(gatehouse: House, folder: str) -> None:
    service = gatehouse.new_service()
    gatehouse.grant(service.name, "roles/file-editor", f"/{folder}")
    assert upload(service, f"{folder}/a", b"x").creator == service.name
    assert content_of(service, f"{folder}/a") == b"x"
    assert [it.name for it in service.files.ListFiles().files] == [f"{folder}/a"]


@pytest.mark.parametrize(
    ("scope", "may_read", "may_write"),
    [("files:read", True, False), ("files:write", False, True), ("users:read", False, False)],
)
def test_a_key_may_only_what_its_scopes_say(
    gatehouse: House, admin: Person, folder: str, scope: str, may_read: bool, may_write: bool
) -> None:
    service = gatehouse.new_service("roles/owner", scopes=[scope])
    upload(admin, f"{folder}/a", b"x")
    reading = [
        lambda: service.files.GetFile(name=f"{folder}/a"),
        lambda: next(service.files.DownloadFile(name=f"{folder}/a")),
        lambda: service.files.ListFiles(parent=folder),
    ]
    writing = [
        lambda: upload(service, f"{folder}/b", b"x"),
        lambda: service.files.UpdateFile(file={"name": f"{folder}/a", "labels": {"a": "1"}}),
        lambda: service.files.MoveFile(name=f"{folder}/a", destination=f"{folder}/c"),
        lambda: service.files.DeleteFile(name=f"{folder}/c"),
    ]
    for calls, may in ((reading, may_read), (writing, may_write)):
        for call in calls:
            if may:
                call()
            else:
                with refused(PERMISSION_DENIED, reason="SCOPE_MISSING"):
                    call()
