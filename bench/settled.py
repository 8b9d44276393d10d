"""An organisation on a server, and the questions about it as calls."""

from concurrent.futures import ThreadPoolExecutor

from gatehouse.access.v1 import access_service_pb2 as pb
from gatehouse.access.v1 import consistency_pb2

from bench.access import Access
from bench.gatehouse import Gatehouse
from bench.load.request import Request
from bench.organisation import EDITOR, KEEPER, READER, Organisation, Question

READ = "documents.read"
CHECK = "/gatehouse.access.v1.AccessService/CheckAccess"
BATCH = "/gatehouse.access.v1.AccessService/BatchCheckAccess"

_PERMISSIONS = {READER: [READ], EDITOR: [READ, "documents.write"], KEEPER: ["documents.*"]}
_AT_ONCE = 8


class Settled:
    """A service that may ask about everybody asks who reads what; each answer is checked once."""

    def __init__(self, server: Gatehouse) -> None:
        self._server = server
        self._organisation = Organisation()
        access = Access(server)
        _settle(access, self._organisation)
        self._token = access.checker_token()

    def checks(self, consistency: consistency_pb2.Consistency | None = None) -> list[Request]:
        """A CheckAccess for each question."""
        return [self._check(one, consistency) for one in self._organisation.questions]

    def batches(self, size: int) -> list[Request]:
        """All the questions, so many in each BatchCheckAccess."""
        questions = self._organisation.questions
        return [
            self._batch(questions[start : start + size]) for start in range(0, len(questions), size)
        ]

    def _check(
        self, question: Question, consistency: consistency_pb2.Consistency | None
    ) -> Request:
        message = pb.CheckAccessRequest(
            subject=_subject(question.person),
            permission=READ,
            path=question.folder,
            consistency=consistency,
        )
        request = Request.of(self._server.target, CHECK, message, self._token)
        answer = pb.CheckAccessResponse.FromString(self._server.reaches(request))
        assert answer.allowed is question.allowed, question
        return request

    def _batch(self, questions: list[Question]) -> Request:
        checks = [
            pb.AccessCheck(subject=_subject(one.person), permission=READ, path=one.folder)
            for one in questions
        ]
        message = pb.BatchCheckAccessRequest(checks=checks)
        request = Request.of(self._server.target, BATCH, message, self._token)
        answer = pb.BatchCheckAccessResponse.FromString(self._server.reaches(request))
        assert [one.allowed for one in answer.results] == [one.allowed for one in questions]
        return request


def _settle(access: Access, organisation: Organisation) -> None:
    """Makes all of it; its people are service accounts, which need no e-mail."""
    for role, permissions in _PERMISSIONS.items():
        access.create_role(_role(role), permissions)
    groups = [_group(one) for level in organisation.levels for one in level]
    memberships = [(_group(above), _group(one)) for above, one in organisation.subgroups]
    memberships += [
        (_group(one), _subject(person))
        for person, groups_of in organisation.groups_of.items()
        for one in groups_of
    ]
    grants = [(one.folder, _role(one.role), _group(one.group)) for one in organisation.given]
    with ThreadPoolExecutor(_AT_ONCE) as callers:
        list(callers.map(access.create_group, groups))
        list(callers.map(access.create_account, map(_subject, organisation.people)))
        list(callers.map(lambda one: access.add(*one), memberships))
        list(callers.map(lambda one: access.grant(*one), grants))


def _role(role: str) -> str:
    return f"roles/documents-{role}"


def _group(group: str) -> str:
    return f"groups/{group}"


def _subject(person: str) -> str:
    return f"serviceAccounts/{person}"
