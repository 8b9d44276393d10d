"""Files: uploading, downloading, looking at, changing, moving and deleting them."""

from hashlib import sha256
from uuid import uuid4

from tests.support.clients import Person
from tests.support.files import content_of, upload


def test_what_is_uploaded_is_what_is_downloaded(admin: Person) -> None:
    content = b"What is in it." * 100_000
    name = f"files/reports/{uuid4()}.txt"
    file = upload(admin, name, content, content_type="text/plain", labels={"year": "2026"})
    assert (file.name, file.size, file.sha256) == (name, len(content), sha256(content).hexdigest())
    assert (file.content_type, dict(file.labels), file.creator) == (
        "text/plain",
        {"year": "2026"},
        admin.name,
    )
    assert admin.files.GetFile(name=name).file == file
    assert content_of(admin, name) == content
