"""The way of a call: who is asked what, and in which order."""

import pytest

from service.kernel.call import Call, Replay, RequestKey
from service.kernel.errors import Conflict
from service.transport.rate_limit import RateLimited
from tests.support.clients import Service
from tests.support.refusals import (
    ABORTED,
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    refused,
)
from tests.unit.transport.trial import ADA, Answer, Ask, Trial

GUARDED = ["One", "Many", "Gather", "Watch"]
WAY = ["authenticate ada", "throttle users/ada", "authorize trials:write trials.use /trials/x"]


def ask(service: Service, name: str, request: object, metadata: object = ()) -> list[object]:
    """Calls whichever kind it is, and answers all that came back."""
    answer = getattr(service, name).with_metadata(metadata, request)
    return list(answer) if hasattr(answer, "cancel") else [answer]


def test_a_call_is_authenticated_throttled_authorized_and_served(
    ada: Service, trial: Trial
) -> None:
    ada.One(name="x")
    assert trial.steps == [*WAY, "serve"]


def test_a_method_for_any_caller_asks_for_the_scope_alone(ada: Service, trial: Trial) -> None:
    ada.Known(name="x")
    assert trial.steps[2:] == ["authorize trials:read", "serve"]


def test_a_public_method_asks_nobody(stranger: Service, trial: Trial) -> None:
    stranger.Open(name="x")
    assert trial.steps == ["serve"]


def test_a_public_method_does_not_look_at_the_token(stranger: Service, trial: Trial) -> None:
    stranger.Open.with_metadata([("authorization", "Bearer nonsense")], name="x")
    assert trial.steps == ["serve"]


@pytest.mark.parametrize("name", GUARDED)
def test_nobody_gets_in_without_a_token(stranger: Service, trial: Trial, name: str) -> None:
    with refused(UNAUTHENTICATED, reason="TOKEN_MISSING"):
        ask(stranger, name, Ask(name="x"))
    assert trial.steps == []


@pytest.mark.parametrize("name", GUARDED)
def test_the_token_comes_before_the_bytes(stranger: Service, trial: Trial, name: str) -> None:
    with refused(UNAUTHENTICATED, reason="TOKEN_INVALID"):
        ask(stranger, name, b"\xff\xff\xff", [("authorization", "Bearer eve")])
    assert trial.steps == ["authenticate eve"]


@pytest.mark.parametrize("name", GUARDED)
def test_the_rate_comes_before_the_bytes(ada: Service, trial: Trial, name: str) -> None:
    trial.limit = RateLimited("Too often.", 7.0)
    with refused(RESOURCE_EXHAUSTED, reason="RATE_LIMITED") as refusal:
        ask(ada, name, b"\xff\xff\xff")
    assert refusal.retry_after == 7.0


@pytest.mark.parametrize("name", GUARDED)
def test_permission_is_denied_before_the_request_is_judged(
    ada: Service, trial: Trial, name: str
) -> None:
    trial.allowed = False
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ask(ada, name, Ask(name="too long a name", tags=["too long"]))
    assert "serve" not in trial.steps


@pytest.mark.parametrize("name", GUARDED)
def test_a_request_that_breaks_rules_is_told_all_of_them(
    ada: Service, trial: Trial, name: str
) -> None:
    broken = Ask(name="too long a name", tags=["ok", "too long"])
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"name", "tags[1]"}):
        ask(ada, name, broken)
    assert "serve" not in trial.steps


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("payload", [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xc3\x28", b"\x0b"])
def test_malformed_bytes_are_refused_as_such(
    ada: Service, trial: Trial, name: str, payload: bytes
) -> None:
    with refused(INVALID_ARGUMENT, reason="MALFORMED_MESSAGE"):
        ask(ada, name, payload)
    assert "serve" not in trial.steps


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("value", ["", "..", "a/../b", "a//b", "a/", "x\n"])
def test_a_name_that_makes_no_path_is_refused_before_anybody_is_asked(
    ada: Service, trial: Trial, name: str, value: str
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"name"}):
        ask(ada, name, Ask(name=value))
    assert trial.steps == WAY[:2]


@pytest.mark.parametrize("authorization", ["ada", "Bearer", "Bearer ", "Basic ada", "", "  "])
def test_authorization_of_another_form_is_no_token(
    stranger: Service, trial: Trial, authorization: str
) -> None:
    with refused(UNAUTHENTICATED, reason="TOKEN_MISSING"):
        stranger.One.with_metadata([("authorization", authorization)], name="x")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_bearer_is_written_in_any_case(stranger: Service, trial: Trial, scheme: str) -> None:
    stranger.One.with_metadata([("authorization", f"{scheme} ada")], name="x")
    assert trial.steps[-1] == "serve"


def test_two_authorizations_are_none(ada: Service, trial: Trial) -> None:
    with refused(UNAUTHENTICATED, reason="TOKEN_MISSING"):
        ada.One.with_metadata(ADA, name="x")


def test_a_request_answered_before_gets_the_kept_answer(ada: Service, trial: Trial) -> None:
    def answered(request: object, call: Call) -> None:
        raise Replay(Answer(text="as before").SerializeToString())

    trial.serve = answered
    assert ada.One(name="x", request_id="1").text == "as before"


def test_a_request_id_is_kept_with_who_asked_what(ada: Service, trial: Trial) -> None:
    ada.One(name="x", request_id="1")
    ada.One(name="x", request_id="1")
    ada.One(name="y", request_id="1")
    ada.One(name="x")
    keys = [call.key for call in trial.calls]
    assert isinstance(keys[0], RequestKey)
    assert keys[0] == keys[1] != keys[2]
    assert (keys[0].subject, keys[0].request_id) == ("users/ada", "1")
    assert keys[3] is None


def test_a_body_is_the_same_in_whatever_order_its_map_is_sent(ada: Service, trial: Trial) -> None:
    one, other = (Ask(name="x", request_id="1", labels={k: k}) for k in ("a", "b"))
    ada.One(one.SerializeToString() + other.SerializeToString())
    ada.One(other.SerializeToString() + one.SerializeToString())
    assert trial.calls[0].key == trial.calls[1].key


@pytest.mark.parametrize(("collisions", "answer"), [(0, 1), (1, 2), (2, 3)])
def test_a_call_that_collides_is_run_again(
    ada: Service, trial: Trial, collisions: int, answer: int
) -> None:
    trial.serve = _colliding(trial, collisions)
    assert ada.One(name="x").text == str(answer)


def test_a_call_that_collides_three_times_is_aborted(ada: Service, trial: Trial) -> None:
    trial.serve = _colliding(trial, 3)
    with refused(ABORTED, reason="CONFLICT"):
        ada.One(name="x")
    assert trial.steps.count("serve") == 3


def test_a_client_stream_that_collides_is_not_run_again(ada: Service, trial: Trial) -> None:
    trial.serve = _colliding(trial, 1)
    with refused(ABORTED, reason="CONFLICT"):
        ada.Gather([Ask(name="x")])
    assert trial.steps.count("serve") == 1


def _colliding(trial: Trial, times: int) -> object:
    def serve(request: object, call: Call) -> object:
        count = trial.steps.count("serve")
        if count <= times:
            raise Conflict
        return Answer(text=str(count))

    return serve
