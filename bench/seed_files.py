"""Files by the hundred thousand, put straight into a server's database: rows, without content.

They are in 200 projects, every fifth in a project's drafts. One account was granted every second of
the projects, and denied the drafts of ten of these.
"""

from dataclasses import dataclass

from gatehouse.access.v1 import grant_pb2

from bench.access import Access
from bench.database import connect
from bench.gatehouse import Gatehouse
from service.files.ranges import place

READER = "serviceAccounts/reader"

_ROLE = "roles/file-reader"
_PROJECTS = 200
_STATEMENTS = (
    """
    INSERT INTO file_objects (id, owner, state, size, sha256)
    SELECT md5(name)::uuid, 'users/ada', 'STORED', length(name), sha256(name::bytea)
    FROM unnest(%(names)s::text[]) name
    """,
    """
    INSERT INTO files
        (name, object, content_type, labels, creator, create_time, update_time, version)
    SELECT name, md5(name)::uuid, 'application/pdf', '{"quarter": "3"}', 'users/ada',
        now(), now(), 1
    FROM unnest(%(names)s::text[]) name
    """,
    "VACUUM ANALYZE",  # as autovacuum would, some minutes later
)


@dataclass(frozen=True)
class Seeded:
    """The files there are, in their order."""

    names: list[str]

    def read_by_reader(self) -> list[str]:
        """Those that the account may read."""
        folders, denied = tuple(f"{it}/" for it in _granted()), tuple(f"{it}/" for it in _denied())
        return [it for it in self.names if it.startswith(folders) and not it.startswith(denied)]


def insert_files(server: Gatehouse, count: int) -> Seeded:
    """Makes so many files, the account, and its grants."""
    names = [_name(number) for number in range(count)]
    with connect(server.data_dir) as connection:
        connection.autocommit = True
        for statement in _STATEMENTS:
            connection.execute(statement, {"names": names} if "%" in statement else None)
    access = Access(server)
    access.create_account(READER)
    for folder in _granted():
        access.grant(f"/{folder}", _ROLE, READER)
    for folder in _denied():
        access.grant(f"/{folder}", _ROLE, READER, grant_pb2.EFFECT_DENY)
    return Seeded(sorted(names, key=place))


def _name(number: int) -> str:
    row, project = divmod(number, _PROJECTS)
    drafts = "" if row % 5 else "/drafts"
    return f"files/projects/{project:03}{drafts}/report-{row}.pdf"


def _granted() -> list[str]:
    return [f"files/projects/{project:03}" for project in range(0, _PROJECTS, 2)]


def _denied() -> list[str]:
    return [f"{folder}/drafts" for folder in _granted()[::10]]
