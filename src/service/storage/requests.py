"""Answers kept for repeated requests (AIP-155): one effect and one answer for each request id."""

import hmac
from typing import Any, Protocol

from sqlalchemy import Connection, text

from service.kernel.call import Call, Committed, Replay, RequestKey
from service.kernel.errors import Aborted, InvalidArgument
from service.kernel.reasons import ErrorReason
from service.storage import locks

_FIND = text("SELECT digest, answer FROM requests WHERE subject = :subject AND id = :id")
_KEEP = text(
    "INSERT INTO requests (subject, id, digest, answer) VALUES (:subject, :id, :digest, :answer)"
)

_FORGET = text("DELETE FROM requests WHERE subject = :subject")


class Sealer(Protocol):
    """Seals answers at rest: some hold secrets that are shown once."""

    def seal(self, value: bytes, place: str) -> bytes:
        """The value, sealed for its place."""

    def open(self, sealed: bytes, place: str) -> bytes:
        """The value that was sealed for the place."""

    def sign(self, value: bytes, purpose: str) -> bytes:
        """A MAC of the value for one purpose."""


class RequestInProgress(Aborted):
    """The same request is being worked on by another call."""

    reason = ErrorReason.REQUEST_IN_PROGRESS

    def __init__(self) -> None:
        super().__init__("A request with this request_id is still running; retry it.")


class RequestIdReused(InvalidArgument):
    """The request id was used for another request."""

    reason = ErrorReason.REQUEST_ID_REUSED


def open_once(connection: Connection, call: Call, ring: Sealer) -> None:
    """Makes sure that this transaction is the first with the call's request id.

    Raises Replay with the kept answer, RequestInProgress or RequestIdReused.
    """
    if (key := call.key) is None:
        return
    parameters = {"subject": key.subject, "id": key.request_id}
    if not connection.execute(locks.REQUEST, parameters).scalar_one():
        raise RequestInProgress
    found = connection.execute(_FIND, parameters).one_or_none()
    if found is None:
        return
    if not hmac.compare_digest(found.digest, _digest(key, ring)):
        raise RequestIdReused.field("request_id", "was used before, for another request")
    raise Replay(ring.open(found.answer, _place(key)))


def keep_answer(
    connection: Connection, call: Call, committed: Committed[Any], ring: Sealer
) -> None:
    """Keeps the answer for repeats, in the transaction of the effect."""
    if (key := call.key) is None:
        return
    if call.pack is None:
        raise TypeError(f"{call.method} takes a request_id, so its servicer must use @answers")
    row = {"subject": key.subject, "id": key.request_id, "digest": _digest(key, ring)}
    answer = ring.seal(call.pack(committed), _place(key))
    connection.execute(_KEEP, row | {"answer": answer})


def forget_answers(connection: Connection, subject: str) -> None:
    """Deletes the answers kept for a subject that goes away: its name may be another's later."""
    connection.execute(_FORGET, {"subject": subject})


def _digest(key: RequestKey, ring: Sealer) -> bytes:
    """Keyed: requests hold passwords and e-mails, which could be guessed from a bare hash."""
    return ring.sign(key.digest, "request")


def _place(key: RequestKey) -> str:
    return f"requests/answer/{key.subject}/{key.request_id}"
