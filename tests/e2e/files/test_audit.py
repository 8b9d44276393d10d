"""The audit trail: what was done to which file, by whom, and nothing that did not happen."""

from typing import Any

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.refusals import ABORTED, INVALID_ARGUMENT, PERMISSION_DENIED, refused


def told(gatehouse: House, name: str) -> list[tuple[str, str, Any]]:
    """What the trail tells of a file: the event, who did it, and more of it."""
    rows = gatehouse.sql(
        "SELECT type, actor, data FROM events WHERE subject = :it ORDER BY position", it=name
    )
    return [(row.type.removeprefix("gatehouse.files."), row.actor, row.data) for row in rows]


def test_each_change_is_told_once(
    gatehouse: House, admin: Person, editor: Person, folder: str
) -> None:
    name, new = f"{folder}/a", f"{folder}/b"
    first = upload(admin, name, b"first")
    second = upload(editor, name, b"second", etag=first.etag)
    editor.files.UpdateFile(file={"name": name, "labels": {"a": "1"}, "content_type": "text/html"})
    editor.files.MoveFile(name=name, destination=new)
    admin.files.DeleteFile(name=new)
    plain = {"content_type": "application/octet-stream"}
    old = {"size": 5, "sha256": first.sha256} | plain
    new_content = {"size": 6, "sha256": second.sha256}
    assert told(gatehouse, name) == [
        ("uploaded", admin.name, {"after": old}),
        ("uploaded", editor.name, {"before": old, "after": new_content | plain}),
        (
            "updated",
            editor.name,
            {
                "fields": ["content_type", "labels"],
                "before": {"content_type": "application/octet-stream"},
                "after": {"content_type": "text/html"},
            },
        ),
        ("moved", editor.name, {"destination": new}),
    ]
    last = new_content | {"content_type": "text/html"}
    assert told(gatehouse, new) == [("deleted", admin.name, {"before": last})]


def test_where_it_came_from_is_told(gatehouse: House, admin: Person, name: str) -> None:
    upload(admin, name, b"x")
    [row] = gatehouse.sql("SELECT peer, request_id FROM events WHERE subject = :it", it=name)
    assert row.peer == "127.0.0.1"
    assert row.request_id


def test_what_was_refused_and_what_was_only_read_is_not_told(
    gatehouse: House, admin: Person, reader: Person, name: str
) -> None:
    upload(admin, name, b"x")
    before = told(gatehouse, name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        reader.files.DeleteFile(name=name)
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.files.DeleteFile(name=name, etag="other")
    with refused(INVALID_ARGUMENT, reason="CONTENT_MISMATCH"):
        upload(admin, f"{name}.cut", b"x", size=2)
    content_of(reader, name)
    reader.files.GetFile(name=name)
    reader.files.ListFiles(parent=name)
    admin.files.UpdateFile(file={"name": name})
    assert told(gatehouse, name) == before
    assert told(gatehouse, f"{name}.cut") == []


def test_neither_content_nor_labels_are_told(gatehouse: House, admin: Person, name: str) -> None:
    upload(admin, name, b"whispered", labels={"secret": "value"})
    rows = gatehouse.sql("SELECT events::text AS it FROM events WHERE subject = :it", it=name)
    assert not any(word in row.it for row in rows for word in ("whispered", "value"))
