"""Pages of what has much said about it still fit into a message."""

import json
from uuid import uuid4

from tests.support.clients import Person
from tests.support.files import upload
from tests.support.house import House


def test_a_page_of_heavily_labelled_files_fits_and_none_is_left_out(
    gatehouse: House, admin: Person
) -> None:
    folder = f"files/labelled/{uuid4()}"
    labels = {f"label-{n}": "ü" * 64 for n in range(32)}
    first = upload(admin, f"{folder}/0", b"", labels=labels).name
    # The rest are put there as they would lie, because 1,000 uploads take long.
    gatehouse.sql(
        "WITH made AS (INSERT INTO file_objects (id, owner, state, size, sha256)"
        " SELECT gen_random_uuid(), 'users/nobody', 'STORED', 0, sha256('')"
        " FROM generate_series(1, 1000) RETURNING id), numbered AS ("
        " SELECT id, row_number() OVER () AS n FROM made)"
        " INSERT INTO files (name, object, content_type, labels, creator, create_time,"
        " update_time, version)"
        " SELECT :folder || '/' || n, id, 'text/plain', CAST(:labels AS jsonb), 'users/nobody',"
        " now(), now(), 1 FROM numbered",
        folder=folder,
        labels=json.dumps(labels),
    )
    seen, token = [], ""
    while True:
        answer = admin.files.ListFiles(parent=folder, page_size=1000, page_token=token)
        seen += [one.name for one in answer.files]
        if not (token := answer.next_page_token):
            break
    assert len(seen) == len(set(seen)) == 1001
    assert first in seen
