"""Who holds nothing on a file learns nothing of it, not even whether it is there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.clients import Client, Person
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.refusals import PERMISSION_DENIED, UNAUTHENTICATED, Refusal, refused

ASKS: dict[str, Callable[[Client, str], object]] = {
    "upload": lambda who, name: upload(who, name, b"x"),
    "promise too much": lambda who, name: upload(who, name, b"x", size=2**60),
    "replace": lambda who, name: upload(who, name, b"x", etag="some"),
    "download": lambda who, name: next(who.files.DownloadFile(name=name)),
    "download from afar": lambda who, name: next(who.files.DownloadFile(name=name, offset=2**60)),
    "get": lambda who, name: who.files.GetFile(name=name),
    "update": lambda who, name: who.files.UpdateFile(file={"name": name, "labels": {"a": "b"}}),
    "change what cannot be": lambda who, name: who.files.UpdateFile(
        file={"name": name}, update_mask={"paths": ["size"]}
    ),
    "move": lambda who, name: who.files.MoveFile(name=name, destination=f"{name}.new"),
    "move onto itself": lambda who, name: who.files.MoveFile(name=name, destination=name),
    "delete": lambda who, name: who.files.DeleteFile(name=name),
    "delete by etag": lambda who, name: who.files.DeleteFile(name=name, etag="some"),
}
EVERY = pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)


def told(refusal: Refusal, name: str) -> Any:
    """What a refusal says, but for the name that was asked about."""
    metadata = {key: value.replace(name, "it") for key, value in refusal.metadata.items()}
    return refusal.message.replace(name, "it"), metadata, refusal.resource, refusal.fields


@EVERY
def test_what_is_there_is_refused_like_what_is_not(
    admin: Person, ada: Person, folder: str, ask: Callable[[Client, str], object]
) -> None:
    upload(admin, f"{folder}/there", b"content")
    answers = []
    for name in (f"{folder}/there", f"{folder}/where"):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
            ask(ada, name)
        answers.append(told(refusal, name))
    assert answers[0] == answers[1]
    assert admin.files.GetFile(name=f"{folder}/there").file.size == 7


@EVERY
def test_without_a_token_nothing_is_told_at_all(
    anonymous: Client, name: str, ask: Callable[[Client, str], object]
) -> None:
    with refused(UNAUTHENTICATED, reason="TOKEN_MISSING"):
        ask(anonymous, name)


def test_a_list_tells_nothing_of_what_one_may_not_read(
    admin: Person, ada: Person, folder: str
) -> None:
    upload(admin, f"{folder}/there", b"x")
    for parent in ("", folder, f"{folder}/there", f"{folder}/where"):
        answer = ada.files.ListFiles(parent=parent, page_size=1)
        assert (list(answer.files), answer.next_page_token) == ([], "")


@pytest.mark.parametrize(
    ("ask", "needs"),
    [
        ("get", "files.read"),
        ("download", "files.read"),
        ("upload", "files.write"),
        ("update", "files.write"),
        ("delete", "files.delete"),
        ("move", "files.delete"),
    ],
)
def test_each_needs_its_own_permission(
    gatehouse: House, admin: Person, name: str, ask: str, needs: str
) -> None:
    upload(admin, name, b"x")
    role = f"roles/all-but-{ask}"
    others = [it for it in ("read", "write", "delete") if f"files.{it}" != needs]
    admin.roles.CreateRole(role={"name": role, "permissions": [f"files.{it}" for it in others]})
    person = gatehouse.new_person()
    gatehouse.grant(person.name, role, f"/{name}")
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
        ASKS[ask](person, name)
    assert refusal.metadata["permission"] == needs


def test_nothing_of_the_content_is_read_before_that(ada: Person, name: str) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"a" * 1000

    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        upload(ada, name, endless())


def test_a_grant_on_a_folder_covers_what_is_in_it_and_no_more(
    admin: Person, reader: Person, folder: str
) -> None:
    upload(admin, f"{folder}/deep/down/a", b"in it")
    upload(admin, f"{folder}-more/a", b"beside it")
    assert content_of(reader, f"{folder}/deep/down/a") == b"in it"
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        reader.files.GetFile(name=f"{folder}-more/a")


def test_a_deny_below_beats_it(gatehouse: House, admin: Person, editor: Person, name: str) -> None:
    upload(admin, name, b"x")
    gatehouse.grant(editor.name, "roles/file-reader", f"/{name}", effect="EFFECT_DENY")
    for ask in ("get", "download", "move"):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
            ASKS[ask](editor, name)
    ASKS["delete"](editor, name)


def test_an_upload_writes_no_grant(
    gatehouse: House, admin: Person, ada: Person, folder: str
) -> None:
    admin.roles.CreateRole(role={"name": "roles/dropper", "permissions": ["files.write"]})
    gatehouse.grant(ada.name, "roles/dropper", f"/{folder}")
    upload(ada, f"{folder}/a", b"x")
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.files.GetFile(name=f"{folder}/a")
    assert list(ada.files.ListFiles().files) == []
