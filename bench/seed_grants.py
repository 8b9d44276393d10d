"""Grants by the million, put straight into a server's database.

Service accounts in teams of 20, these in departments of 20, these in one company. Each account was
granted a role on two items of a project, and its team on a third. One account more has grants on
many paths, and one path has grants to many accounts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.access import Access
from bench.database import connect
from bench.gatehouse import Gatehouse

PERMISSION = "documents.read"
WIDE = "serviceAccounts/wide"
BUSY = "/projects/busy"

_ROLE = "roles/documents-reader"
_OF_EACH = 3
_EXTRA = 200  # of the wide account, and as many on the busy path
_PROJECTS = 100
# By INSERT … SELECT, which like COPY leaves the server out, and makes the rows where they stay.
_STATEMENTS = (
    """
    INSERT INTO subjects (name, state)
    SELECT name, 'ACTIVE' FROM (
        SELECT 'groups/company' AS name
        UNION ALL SELECT 'groups/department-' || n
            FROM generate_series(0, (%(accounts)s - 1) / 400) n
        UNION ALL SELECT 'groups/team-' || n FROM generate_series(0, (%(accounts)s - 1) / 20) n
        UNION ALL SELECT 'serviceAccounts/a-' || n FROM generate_series(0, %(accounts)s - 1) n
        UNION ALL SELECT %(wide)s
    ) names
    """,
    """
    INSERT INTO groups (name, display_name, description, create_time, update_time, version)
    SELECT name, '', '', now(), now(), 1 FROM subjects WHERE name LIKE 'groups/%%'
    """,
    """
    INSERT INTO service_accounts
        (name, display_name, description, state, create_time, update_time, version)
    SELECT name, '', '', 'ACTIVE', now(), now(), 1 FROM subjects
    WHERE name LIKE 'serviceAccounts/a-%%' OR name = %(wide)s
    """,
    """
    INSERT INTO memberships (group_name, member)
    SELECT 'groups/team-' || n / 20, 'serviceAccounts/a-' || n
        FROM generate_series(0, %(accounts)s - 1) n
    UNION ALL SELECT 'groups/department-' || n / 20, 'groups/team-' || n
        FROM generate_series(0, (%(accounts)s - 1) / 20) n
    UNION ALL SELECT 'groups/company', 'groups/department-' || n
        FROM generate_series(0, (%(accounts)s - 1) / 400) n
    """,
    """
    INSERT INTO grants (id, path, role, subject)
    SELECT gen_random_uuid(),
        '/projects/' || n %% %(accounts)s %% %(projects)s || '/items/' || n,
        %(role)s,
        CASE WHEN n < 2 * %(accounts)s THEN 'serviceAccounts/a-' || n %% %(accounts)s
             ELSE 'groups/team-' || n %% %(accounts)s / 20 END
    FROM generate_series(0, %(ordinary)s - 1) n
    UNION ALL SELECT gen_random_uuid(), '/archive/' || n, %(role)s, %(wide)s
        FROM generate_series(0, %(extra)s - 1) n
    UNION ALL SELECT gen_random_uuid(), %(busy)s, %(role)s, 'serviceAccounts/a-' || n
        FROM generate_series(0, %(extra)s - 1) n
    """,
    "VACUUM ANALYZE",  # as autovacuum would, some minutes later
)


@dataclass(frozen=True)
class Seeded:
    """What there is then."""

    accounts: int

    def questions(self, count: int, offset: int) -> Iterator[tuple[str, str, bool]]:
        """Subject, path and answer: accounts evenly from all of them, each second one refused."""
        step = self.accounts // count
        for number in range(offset, offset + count * step, step):
            item = (
                number
                if number % (2 * step) < step
                else (number + self.accounts // 2) % (self.accounts)
            )
            path = f"/projects/{item % _PROJECTS}/items/{item}/documents/42"
            yield f"serviceAccounts/a-{number}", path, item == number


def insert_grants(server: Gatehouse, count: int) -> Seeded:
    """Makes so many grants, and all that they need."""
    Access(server).create_role(_ROLE, [PERMISSION])
    ordinary = count - 2 * _EXTRA
    seeded = Seeded(ordinary // _OF_EACH)
    values = {
        "accounts": seeded.accounts,
        "ordinary": ordinary,
        "extra": _EXTRA,
        "projects": _PROJECTS,
        "role": _ROLE,
        "wide": WIDE,
        "busy": BUSY,
    }
    with connect(server.data_dir) as connection:
        connection.autocommit = True
        for statement in _STATEMENTS:
            connection.execute(statement, values if "%" in statement else None)
    return seeded
