"""`files/users/{id}` is the user's own, and `files/users/me` is another name for it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.refusals import PERMISSION_DENIED, refused


@pytest.fixture
def mine(ada: Person) -> str:
    """Ada's folder."""
    return f"files/{ada.name}"


@pytest.fixture
def sharing(gatehouse: House, admin: Person, ada: Person, mine: str) -> None:
    """An administrator lets Ada share what is hers."""
    role = {"name": f"roles/sharing-{uuid4().hex}"}
    role |= {"permissions": ["grants.create", "grants.delete", "grants.list"]}
    gatehouse.grant(ada.name, admin.roles.CreateRole(role=role).role.name, f"/{mine}")


def test_one_needs_no_grant_for_ones_own(ada: Person, mine: str) -> None:
    first = upload(ada, f"{mine}/a", b"first")
    upload(ada, f"{mine}/a", b"second", etag=first.etag)
    ada.files.UpdateFile(file={"name": f"{mine}/a", "labels": {"a": "1"}})
    ada.files.MoveFile(name=f"{mine}/a", destination=f"{mine}/deep/b")
    assert content_of(ada, f"{mine}/deep/b") == b"second"
    assert [it.name for it in ada.files.ListFiles().files] == [f"{mine}/deep/b"]
    ada.files.DeleteFile(name=f"{mine}/deep/b")


def test_me_is_the_caller_in_every_request(ada: Person, mine: str) -> None:
    me = "files/users/me"
    assert upload(ada, f"{me}/a", b"x").name == f"{mine}/a"
    assert ada.files.GetFile(name=f"{me}/a").file.name == f"{mine}/a"
    assert next(ada.files.DownloadFile(name=f"{me}/a")).file.name == f"{mine}/a"
    ada.files.UpdateFile(file={"name": f"{me}/a", "labels": {"a": "1"}})
    assert [it.name for it in ada.files.ListFiles(parent=me).files] == [f"{mine}/a"]
    assert ada.files.MoveFile(name=f"{me}/a", destination=f"{me}/b").file.name == f"{mine}/b"
    ada.files.DeleteFile(name=f"{me}/b")
    assert list(ada.files.ListFiles(parent=me).files) == []


def test_the_folder_itself_may_be_a_file(ada: Person, mine: str) -> None:
    assert upload(ada, "files/users/me", b"x").name == mine
    assert content_of(ada, mine) == b"x"


def test_what_only_begins_like_it_is_not_it(ada: Person, admin: Person) -> None:
    for name in (f"files/{ada.name}0/a", "files/users/meme", "files/users", "files/me/a"):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
            upload(ada, name, b"x")
        assert refusal.metadata["path"] == f"/{name}"


def test_it_is_nobody_elses(ada: Person, bob: Person, mine: str) -> None:
    upload(ada, f"{mine}/a", b"x")
    for name in (f"{mine}/a", f"{mine}/b"):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
            bob.files.GetFile(name=name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.files.MoveFile(name=f"{mine}/a", destination=f"files/{bob.name}/a")
    assert list(bob.files.ListFiles(parent=mine).files) == []


def test_a_deny_on_it_is_obeyed(gatehouse: House, ada: Person, mine: str) -> None:
    upload(ada, f"{mine}/a", b"x")
    upload(ada, f"{mine}/kept/b", b"x")
    gatehouse.grant(ada.name, "roles/file-editor", f"/{mine}/kept", effect="EFFECT_DENY")
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.files.GetFile(name=f"{mine}/kept/b")
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.files.MoveFile(name=f"{mine}/a", destination=f"{mine}/kept/a")
    assert [it.name for it in ada.files.ListFiles().files] == [f"{mine}/a"]


def test_nothing_is_shared_without_leave(ada: Person, bob: Person, mine: str) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.access.CreateGrant(path=f"/{mine}", role="roles/file-reader", subject=bob.name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.access.ListGrants(path=f"/{mine}")


@pytest.mark.usefixtures("sharing")
def test_a_deny_on_it_is_not_taken_back_by_who_is_denied(
    gatehouse: House, ada: Person, mine: str
) -> None:
    for role, why in (("roles/file-reader", "NOT_HELD"), ("roles/owner", "PERMISSION_MISSING")):
        deny = gatehouse.grant(ada.name, role, f"/{mine}/kept", effect="EFFECT_DENY")
        with refused(PERMISSION_DENIED, reason=why):
            ada.access.DeleteGrant(name=deny.name)
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
            ada.files.GetFile(name=f"{mine}/kept/a")


@pytest.mark.usefixtures("sharing")
def test_it_can_be_shared_and_taken_back(ada: Person, bob: Person, mine: str) -> None:
    upload(ada, f"{mine}/a", b"x")
    grant = ada.access.CreateGrant(
        path=f"/{mine}/a", role="roles/file-reader", subject=bob.name
    ).grant
    assert content_of(bob, f"{mine}/a") == b"x"
    assert [it.name for it in bob.files.ListFiles().files] == [f"{mine}/a"]
    [listed] = ada.access.ListGrants(path=f"/{mine}/a").grants
    assert listed == grant
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        bob.access.CreateGrant(path=f"/{mine}/a", role="roles/file-reader", subject="everyone")
    ada.access.DeleteGrant(name=grant.name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        bob.files.GetFile(name=f"{mine}/a")


@pytest.mark.usefixtures("sharing")
@pytest.mark.parametrize("role", ["roles/owner", "roles/admin", "roles/member"])
def test_nothing_can_be_shared_that_one_does_not_hold(
    ada: Person, bob: Person, mine: str, role: str
) -> None:
    with refused(PERMISSION_DENIED, reason="NOT_HELD"):
        ada.access.CreateGrant(path=f"/{mine}", role=role, subject=bob.name)


@pytest.mark.usefixtures("sharing")
def test_nothing_elsewhere_can_be_shared(ada: Person, bob: Person, mine: str) -> None:
    for path in ("/", "/files", "/files/users", f"/{mine}0", f"/{bob.name}", f"/files/{bob.name}"):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
            ada.access.CreateGrant(path=path, role="roles/file-reader", subject=bob.name)


@pytest.mark.usefixtures("sharing")
def test_it_can_be_shared_for_a_while(ada: Person, bob: Person, mine: str) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    grant = ada.access.CreateGrant(
        path=f"/{mine}", role="roles/file-editor", subject=bob.name, expire_time=end
    ).grant
    assert grant.expire_time.ToDatetime(UTC) == end


def test_who_is_deleted_leaves_what_they_shared(
    gatehouse: House, admin: Person, ada: Person, mine: str
) -> None:
    upload(ada, f"{mine}/a", b"x")
    admin.users.DeleteUser(name=ada.name)
    assert content_of(admin, f"{mine}/a") == b"x"
