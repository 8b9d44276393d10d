"""A refused call in one line."""

import grpc
import pytest

from gatehouse_client import FieldViolation, Refusal
from service.cli.refusals import refusal_line

NOBODY_THERE = "is it running there, and does it ask for --ca-file?"
EXPLAIN = "`gatehouse explain a.b '/c d'` shows what would allow it"
NOT_TRUSTED = "is --ca-file the CA of its certificate, and --server a name in it?"


@pytest.mark.parametrize(
    ("refusal", "line"),
    [
        (
            Refusal(grpc.StatusCode.NOT_FOUND, "No 'x'.", "ERROR_REASON_USER_NOT_FOUND"),
            "No 'x' [NOT_FOUND, USER_NOT_FOUND]: `gatehouse users list` shows who is there",
        ),
        (
            Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                "a: must b",
                "ERROR_REASON_INVALID_FIELDS",
                violations=(FieldViolation("a", "must b"), FieldViolation("c", "must d")),
            ),
            "a: must b; c: must d [INVALID_ARGUMENT, INVALID_FIELDS]",
        ),
        (
            Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                "a: no ..",
                "ERROR_REASON_INVALID_FIELDS",
                violations=(FieldViolation("a", "no .."),),
            ),
            "a: no .. [INVALID_ARGUMENT, INVALID_FIELDS]",
        ),
        (
            Refusal(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "Too many sign-ins.",
                "ERROR_REASON_SIGN_IN_THROTTLED",
                retry_after=47.009,
            ),
            "Too many sign-ins [RESOURCE_EXHAUSTED, SIGN_IN_THROTTLED]: retry in 48 s",
        ),
        (
            Refusal(grpc.StatusCode.INTERNAL, "Oh.", "ERROR_REASON_INTERNAL", request_id="r-1"),
            "Oh [INTERNAL, INTERNAL]: report it with request id r-1",
        ),
        (
            Refusal(
                grpc.StatusCode.UNAVAILABLE,
                "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed"
                " to connect to remote host: Connection refused",
            ),
            "here:1 did not answer: Connection refused [UNAVAILABLE]: is it running there?",
        ),
        (
            Refusal(grpc.StatusCode.UNAVAILABLE, "failing; last error: UNKNOWN: Socket closed"),
            f"here:1 did not answer: Socket closed [UNAVAILABLE]: {NOBODY_THERE}",
        ),
        (
            Refusal(grpc.StatusCode.UNAVAILABLE, "Tls handshake failed"),
            f"here:1 did not answer: Tls handshake failed [UNAVAILABLE]: {NOT_TRUSTED}",
        ),
        (
            Refusal(grpc.StatusCode.ABORTED, "a\nb\x1b[31m", "ERROR_REASON_NEW"),
            r"a\nb\x1b[31m [ABORTED, NEW]",
        ),
        (
            Refusal(
                grpc.StatusCode.PERMISSION_DENIED,
                "No.",
                "ERROR_REASON_PERMISSION_MISSING",
                {"permission": "a.b", "path": "/c d"},
            ),
            f"No [PERMISSION_DENIED, PERMISSION_MISSING]: {EXPLAIN}",
        ),
        (
            Refusal(grpc.StatusCode.PERMISSION_DENIED, "No.", "ERROR_REASON_PERMISSION_MISSING"),
            "No [PERMISSION_DENIED, PERMISSION_MISSING]",
        ),
    ],
)
def test_a_refusal_says_what_why_and_what_next(refusal: Refusal, line: str) -> None:
    assert refusal_line(refusal, "here:1") == line
