"""What a call is about, as its request says.

Every test holds for `grpc.server` and for `grpc.aio.server`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import pytest

from gatehouse_client.server import AuthInterceptor, Permission, Public
from tests.unit.client.server.conftest import INVALID_ARGUMENT, Protected, reason_of, refusal_of
from tests.unit.client.server.small_gatehouse import (
    ADA,
)
from tests.unit.client.server.trial_service import SERVICE

NOWHERE: Any = None


@pytest.mark.parametrize("said", ["", "b/c", "..", ".", "a\nb", "x" * 1100])
def test_a_request_that_makes_no_path_is_told_so(protected: Protected, said: str) -> None:
    refusal = refusal_of(lambda: protected.client.call("Ask", said))
    assert (refusal.code, refusal.reason) == (INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELDS")
    assert [it.field for it in refusal.violations] == ["value"]
    assert protected.gatehouse.checks == []


def test_an_empty_field_never_makes_the_root(protect: Callable[..., Any]) -> None:
    with protect({f"/{SERVICE}/Ask": Permission("notes.read", "/{value}")}) as protected:
        protected.gatehouse.allow("notes.read", "/")
        assert reason_of(lambda: protected.client.call("Ask", ""))[0] is INVALID_ARGUMENT


def test_a_field_may_be_many_segments_where_the_rule_says_so(protect: Callable[..., Any]) -> None:
    with protect({f"/{SERVICE}/Ask": Permission("notes.read", "/{value=**}")}) as protected:
        assert protected.client.answers("Ask", "notes/a") == [f"{ADA} notes/a"]
        for said in ("notes//a", "notes/../notes/a", "notes/a/"):
            call = partial(protected.client.call, "Ask", said)
            assert reason_of(call)[0] is INVALID_ARGUMENT


@pytest.mark.parametrize(
    "rule",
    [
        lambda: Permission("notes", "/a"),
        lambda: Permission("notes.read", "a"),
        lambda: Permission("notes.read", "/{}"),
        lambda: Permission("notes.read", "/{value"),
        lambda: Permission("notes.read", "/a//b"),
        lambda: AuthInterceptor(NOWHERE, {"Ask": Public()}, issuer="i", audience="a"),
        lambda: AuthInterceptor(NOWHERE, {"/Ask": Public()}, issuer="i", audience="a"),
    ],
)
def test_a_rule_that_is_none_is_told_at_once(rule: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"is no|written|must"):
        rule()


def test_a_stream_without_a_first_message_is_refused(protected: Protected) -> None:
    assert reason_of(lambda: protected.client.call("Tell"))[0] is INVALID_ARGUMENT


def test_a_path_may_be_a_function_of_the_request(protect: Callable[..., Any]) -> None:
    rule = Permission("notes.read", lambda request: f"/notes/{int(request.value):x}")
    with protect({f"/{SERVICE}/Ask": rule}) as protected:
        assert protected.client.answers("Ask", "10") == [f"{ADA} 10"]
        assert reason_of(lambda: protected.client.call("Ask", "ten"))[0] is INVALID_ARGUMENT


def test_a_path_that_does_not_depend_on_the_request_waits_for_no_message(
    protect: Callable[..., Any],
) -> None:
    rule = Permission("notes.read", "/notes/a")
    with protect({f"/{SERVICE}/Tell": rule}) as protected:
        assert protected.client.answers("Tell") == [f"{ADA} "]


def test_a_rule_that_breaks_lets_nobody_in(protect: Callable[..., Any]) -> None:
    rule = Permission("notes.read", "/notes/{missing}")
    with protect({f"/{SERVICE}/Ask": rule}) as protected:
        refusal = refusal_of(lambda: protected.client.call("Ask", "a"))
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.INTERNAL,
            "ERROR_REASON_INTERNAL",
        )
        assert refusal.request_id in refusal.message
        assert protected.trial.handled == []
