"""A refused call in one line: what was refused, why, and what to do next."""

import shlex
from math import ceil

import grpc

from gatehouse_client import Refusal
from service.cli.visible import visible

_SIGN_IN = "run `gatehouse login EMAIL`"
_REFUSED = "Connection refused"

# What helps, by reason; else by code. In braces: what the refusal knows, as a shell takes it.
_NEXT_BY_REASON = {
    "TOKEN_MISSING": _SIGN_IN,
    "TOKEN_INVALID": _SIGN_IN,
    "TOKEN_EXPIRED": _SIGN_IN,
    "SESSION_REVOKED": _SIGN_IN,
    "REFRESH_TOKEN_INVALID": _SIGN_IN,
    "REFRESH_TOKEN_REUSED": _SIGN_IN,
    "INVALID_CREDENTIALS": "check the e-mail address and the password",
    "API_KEY_INVALID": "is it whole? `gatehouse keys list` shows which are revoked or expired",
    "MAILED_TOKEN_INVALID": "is it whole? `password forgot` and `email request` send another",
    "SCOPE_MISSING": "use a token or key with that scope; `gatehouse whoami` shows this one's",
    "PERMISSION_MISSING": "`gatehouse explain {permission} {path}` shows what would allow it",
    "NOT_HELD": "ask someone who holds it, such as an owner of /",
    "NAME_TAKEN": "choose another name",
    "GRANT_EXISTS": "`gatehouse grants delete {grant}` takes it back",
    "LAST_OWNER": "`gatehouse grants create / owner SUBJECT` makes one",
    "FOREIGN_REVISION": "leave --at-least-as-fresh out, or say --fully-consistent",
    "GROUP_CYCLE": "`gatehouse groups of GROUP --transitive` shows what a group is in",
    "BUILT_IN_ROLE": "`gatehouse roles create` makes one of your own",
    "TOO_MANY_GROUPS": "`gatehouse groups of SUBJECT --transitive` shows which it is in",
    "ROLE_IN_USE": "`gatehouse grants list --role ROLE` shows them",
    "CURSOR_EXPIRED": "`gatehouse events list` shows what is kept; without --cursor watch again",
    "INVALID_CURSOR": "`gatehouse events watch --json` prints one a line",
    "INVALID_PAGE_TOKEN": "repeat the arguments of the list that it came from",
    "ETAG_MISMATCH": "look at it again, then repeat the command",
    "CONTENT_MISMATCH": "did it change while it was read? repeat the command",
    "FILE_CHANGED": "repeat the command",
    "UPLOAD_GIVEN_UP": "repeat the command",
    "QUOTA_EXCEEDED": "`gatehouse files rm` makes room",
    "FILE_NOT_FOUND": "`gatehouse files ls` shows which are there",
    "USER_NOT_FOUND": "`gatehouse users list` shows who is there",
    "SESSION_NOT_FOUND": "`gatehouse sessions list` shows which are there",
    "SUBJECT_NOT_FOUND": "`users`, `groups` and `service-accounts list` show who is there",
    "GROUP_NOT_FOUND": "`gatehouse groups list` shows which are there",
    "SERVICE_ACCOUNT_NOT_FOUND": "`gatehouse service-accounts list` shows which are there",
    "API_KEY_NOT_FOUND": "`gatehouse keys list ACCOUNT` shows which are there",
    "ROLE_NOT_FOUND": "`gatehouse roles list` shows which are there",
    "GRANT_NOT_FOUND": "`gatehouse grants list` shows which are there",
    "WEBHOOK_NOT_FOUND": "`gatehouse webhooks list` shows which are there",
    "WEBHOOK_DISABLED": "`gatehouse webhooks update WEBHOOK --state active` does",
    "EVENT_NOT_FOUND": "`gatehouse events list` shows which are kept",
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
        what = what.strip().rstrip(".")
    said = f"{what} [{code}{f', {reason}' if reason else ''}]"
    hints = [_next(refusal, reason)]
    if refusal.retry_after:
        hints.append(f"retry in {ceil(refusal.retry_after)} s")
    if code in {"INTERNAL", "UNKNOWN"} and refusal.request_id:
        hints.append(f"report it with request id {refusal.request_id}")
    told = "; ".join(hint for hint in hints if hint)
    return visible(f"{said}: {told}" if told else said)


def _cause(refusal: Refusal) -> str:
    """What gRPC says in the end, after how it came to know."""
    if _REFUSED in refusal.message:
        return _REFUSED
    return refusal.message.rpartition("last error: ")[2].removeprefix("UNKNOWN: ")


def _next(refusal: Refusal, reason: str) -> str:
    if reason:
        known = {name: shlex.quote(value) for name, value in refusal.metadata.items()}
        try:
            return _NEXT_BY_REASON.get(reason, "").format(**known)
        except KeyError:  # of a server that says less
            return ""
    if "handshake" in refusal.message:
        return "is --ca-file the CA of its certificate, and --server a name in it?"
    if _REFUSED in refusal.message:
        return "is it running there?"
    return _NEXT_BY_CODE.get(refusal.code, "")
