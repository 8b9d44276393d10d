"""A refused call in one line: what was refused, why, and what to do next."""

from math import ceil

import grpc

from gatehouse_client import Refusal
from service.cli.screen import printable

_SIGN_IN = "run `gatehouse login EMAIL`"
_REFUSED = "Connection refused"

# What helps, by reason; else by code.
_NEXT_BY_REASON = {
    "TOKEN_MISSING": _SIGN_IN,
    "TOKEN_INVALID": _SIGN_IN,
    "TOKEN_EXPIRED": _SIGN_IN,
    "SESSION_REVOKED": _SIGN_IN,
    "REFRESH_TOKEN_INVALID": _SIGN_IN,
    "REFRESH_TOKEN_REUSED": _SIGN_IN,
    "INVALID_CREDENTIALS": "check the e-mail address and the password",
    "ETAG_MISMATCH": "look at it again, then repeat the command",
    "USER_NOT_FOUND": "`gatehouse users list` shows who is there",
    "SESSION_NOT_FOUND": "`gatehouse sessions list` shows which are there",
}
_NEXT_BY_CODE = {
    grpc.StatusCode.UNAVAILABLE: "is it running there, and does it ask for --ca-file?",
    grpc.StatusCode.UNIMPLEMENTED: "the server is of another version than this command",
    grpc.StatusCode.DEADLINE_EXCEEDED: "try again",
    grpc.StatusCode.ABORTED: "try again",
    grpc.StatusCode.CANCELLED: "try again",
}


def refusal_line(refusal: Refusal, server: str) -> str:
    """The refusal for a person at a terminal, and who gets to read what they copy from it."""
    reason = refusal.reason.removeprefix("ERROR_REASON_")
    code = refusal.code.name
    what = "; ".join(f"{one.field}: {one.description}" for one in refusal.violations)
    if not what:
        what = refusal.message if reason else f"{server} did not answer: {_cause(refusal)}"
    said = f"{what.strip().rstrip('.')} [{code}{f', {reason}' if reason else ''}]"
    hints = [_next(refusal, reason)]
    if refusal.retry_after:
        hints.append(f"retry in {ceil(refusal.retry_after)} s")
    if code in {"INTERNAL", "UNKNOWN"} and refusal.request_id:
        hints.append(f"report it with request id {refusal.request_id}")
    told = "; ".join(hint for hint in hints if hint)
    return printable(f"{said}: {told}" if told else said).plain


def _cause(refusal: Refusal) -> str:
    """What gRPC says in the end, after how it came to know."""
    if _REFUSED in refusal.message:
        return _REFUSED
    return refusal.message.rpartition("last error: ")[2].removeprefix("UNKNOWN: ")


def _next(refusal: Refusal, reason: str) -> str:
    if reason:
        return _NEXT_BY_REASON.get(reason, "")
    if "handshake" in refusal.message:
        return "is --ca-file the CA of its certificate, and --server a name in it?"
    if _REFUSED in refusal.message:
        return "is it running there?"
    return _NEXT_BY_CODE.get(refusal.code, "")
