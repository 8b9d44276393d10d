"""SpiceDB within the process that asks it, in memory: spicedb-embedded.

Run as `python -m bench.peers.spicedb SIZE-OF-A-BATCH`. For each line with a method, a number of
threads and a number of calls it makes them, and answers with a line of JSON: a `Measured`.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import cycle
from pathlib import Path
from time import process_time
from typing import Any, Self

from bench.load.python_client import closed_loop
from bench.machine import ALL_CORES, ROOT, pin
from bench.organisation import Organisation, Question
from bench.rounds import Measured

INSTALL = "make spicedb"
SINGLE, BULK = "CheckPermission", "CheckBulkPermissions"

_LIBRARY = Path(sys.prefix) / "spicedb/libspicedb.so"
_WRITTEN_AT_ONCE = 500
_SCHEMA = """
definition person {}
definition group {
  relation member: person | group#member
}
definition folder {
  relation parent: folder
  relation reader: group#member
  relation editor: group#member
  relation keeper: group#member
  permission read = reader + editor + keeper + parent->read
}
"""


def library() -> Path | None:
    """Where its shared library is; a package of its own, which pip does not have."""
    found = Path(os.environ.get("SPICEDB_LIBRARY_PATH", _LIBRARY))
    return found if found.exists() else None


def installed() -> bool:
    """Whether there is all that it takes."""
    return importlib.util.find_spec("spicedb_embedded") is not None and library() is not None


class SpiceDB:
    """The organisation in a process of its own, on every core."""

    def __init__(self, batch: int) -> None:
        self._batch = batch

    def __enter__(self) -> Self:
        self._folder = tempfile.mkdtemp(prefix="gatehouse-bench-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._batch)],
            cwd=ROOT,
            # It leaves a socket behind when it is killed.
            env=os.environ | {"SPICEDB_LIBRARY_PATH": str(library()), "TMPDIR": self._folder},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # It logs as it starts and ends; what goes wrong ends the process.
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        pin(self._process.pid, ALL_CORES)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, method: str, threads: int, calls: int) -> Measured:
        """So many calls by so many callers; the CPU time is the callers' too."""
        assert self._process.stdin
        assert self._process.stdout
        print(method, threads, calls, file=self._process.stdin)
        return Measured(**json.loads(self._process.stdout.readline()))


class _Graph:
    """The organisation in SpiceDB's words."""

    def __init__(self) -> None:
        from authzed.api import v1  # noqa: PLC0415 - not everywhere installed
        from spicedb_embedded import EmbeddedSpiceDB  # noqa: PLC0415 - nor is this

        self._v1 = v1
        self._spicedb = EmbeddedSpiceDB.start(_SCHEMA)
        self.api = self._spicedb.permissions()
        # What may be a few seconds old, as Gatehouse's default: nothing is faster.
        self._consistency = v1.Consistency(minimize_latency=True)

    def write(self, organisation: Organisation) -> None:
        """All of it."""
        found = [
            self._relation("group", above, "member", "group", group)
            for above, group in organisation.subgroups
        ]
        for person, groups in organisation.groups_of.items():
            found += [self._relation("group", one, "member", "person", person) for one in groups]
        for folder, parent in organisation.folders:
            found.append(self._relation("folder", folder, "parent", "folder", parent))
        found += [
            self._relation("folder", one.folder, one.role, "group", one.group)
            for one in organisation.given
        ]
        touch = self._v1.RelationshipUpdate.OPERATION_TOUCH
        updates = [self._v1.RelationshipUpdate(operation=touch, relationship=one) for one in found]
        for start in range(0, len(updates), _WRITTEN_AT_ONCE):
            some = updates[start : start + _WRITTEN_AT_ONCE]
            self.api.WriteRelationships(self._v1.WriteRelationshipsRequest(updates=some))

    def single(self, question: Question) -> Any:
        """One question."""
        return self._v1.CheckPermissionRequest(
            consistency=self._consistency,
            resource=self._object("folder", question.folder),
            permission="read",
            subject=self._subject("person", question.person),
        )

    def bulk(self, questions: Sequence[Question]) -> Any:
        """Many at once."""
        items = [
            self._v1.CheckBulkPermissionsRequestItem(
                resource=self._object("folder", one.folder),
                permission="read",
                subject=self._subject("person", one.person),
            )
            for one in questions
        ]
        return self._v1.CheckBulkPermissionsRequest(consistency=self._consistency, items=items)

    def allows(self, answer: Any) -> bool:
        """What an answer to a question says."""
        allowed = self._v1.CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION
        return bool(answer.permissionship == allowed)

    def _relation(self, kind: str, name: str, relation: str, of: str, who: str) -> Any:
        return self._v1.Relationship(
            resource=self._object(kind, name), relation=relation, subject=self._subject(of, who)
        )

    def _subject(self, kind: str, name: str) -> Any:
        return self._v1.SubjectReference(
            object=self._object(kind, name), optional_relation="member" if kind == "group" else ""
        )

    def _object(self, kind: str, name: str) -> Any:
        return self._v1.ObjectReference(object_type=kind, object_id=name)


def _callers(batch: int) -> dict[str, Callable[[int], None]]:
    """What one call of each method is; every question was answered rightly before."""
    organisation, graph = Organisation(), _Graph()
    graph.write(organisation)
    questions = organisation.questions
    singles = [graph.single(one) for one in questions]
    for question, single in zip(questions, singles, strict=True):
        assert graph.allows(graph.api.CheckPermission(single)) is question.allowed
    bulks = [
        graph.bulk(questions[start : start + batch]) for start in range(0, len(questions), batch)
    ]
    next_single, next_bulk = cycle(singles).__next__, cycle(bulks).__next__
    return {
        SINGLE: lambda number: graph.api.CheckPermission(next_single()),
        BULK: lambda number: graph.api.CheckBulkPermissions(next_bulk()),
    }


def _serve(batch: int) -> None:
    callers = _callers(batch)
    for line in sys.stdin:
        method, threads, calls = line.split()
        before = process_time()
        measured = closed_loop(callers[method], int(calls), int(threads))
        measured = replace(measured, cpu=process_time() - before)
        print(json.dumps(asdict(measured)), flush=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
