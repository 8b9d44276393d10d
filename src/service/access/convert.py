"""Access between models and messages."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from gatehouse.access.v1 import access_service_pb2 as pb
from gatehouse.access.v1 import consistency_pb2, explanation_pb2, grant_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from service.access.explanation import in_words, step_in_words
from service.access.models import (
    EVERYONE,
    ROOT,
    Check,
    Effect,
    Explanation,
    Freshness,
    Grant,
    GrantFilter,
    Holder,
    NewGrant,
    Reached,
    Step,
)
from service.kernel.call import Call, Committed
from service.storage.pages import Page
from service.transport.times import optional_time

_TO_EFFECT = {Effect.ALLOW: grant_pb2.EFFECT_ALLOW, Effect.DENY: grant_pb2.EFFECT_DENY}


def grant(found: Grant) -> grant_pb2.Grant:
    """A grant as clients see it."""
    message = grant_pb2.Grant(
        name=found.name,
        path=found.path,
        role=found.role,
        subject=found.subject,
        effect=_TO_EFFECT[found.effect],
        creator=found.creator,
    )
    message.create_time.FromDatetime(found.create_time)
    _set_time(message.expire_time, found.expire_time)
    return message


def new_grant(request: pb.CreateGrantRequest, call: Call) -> NewGrant:
    """What a client asks to be granted."""
    return NewGrant(
        path=request.path,
        role=request.role,
        subject=call.resolve(request.subject),
        effect=Effect.DENY if request.effect == grant_pb2.EFFECT_DENY else Effect.ALLOW,
        expire_time=optional_time(request, "expire_time"),
    )


def grant_filter(request: pb.ListGrantsRequest, call: Call) -> GrantFilter:
    """Which grants a client wants listed."""
    return GrantFilter(
        path=request.path,
        subject=call.resolve(request.subject),
        role=request.role,
        inherited=request.include_inherited,
    )


def check(question: Any, call: Call) -> Check:
    """A question; without a subject it is about the caller."""
    return Check(call.subject(question.subject), question.permission, question.path)


def under(request: pb.ListAccessRequest) -> str:
    """Below which path a client wants to know; without one, below all."""
    return request.under or ROOT


def freshness(consistency: consistency_pb2.Consistency) -> Freshness:
    """How fresh an answer a client wants."""
    return Freshness(consistency.at_least_as_fresh, consistency.fully_consistent)


def created(committed: Committed[Grant]) -> pb.CreateGrantResponse:
    """The answer to CreateGrant."""
    return pb.CreateGrantResponse(grant=grant(committed.value), revision=committed.revision)


def deleted(committed: Committed[None]) -> pb.DeleteGrantResponse:
    """The answer to DeleteGrant."""
    return pb.DeleteGrantResponse(revision=committed.revision)


def grants(listed: tuple[Page[Grant], str]) -> pb.ListGrantsResponse:
    """The answer to ListGrants."""
    page, revision = listed
    return pb.ListGrantsResponse(
        grants=[grant(one) for one in page.items],
        next_page_token=page.next_page_token,
        revision=revision,
    )


def checked(decided: tuple[Sequence[bool], str]) -> pb.CheckAccessResponse:
    """The answer to CheckAccess."""
    [allowed], revision = decided
    return pb.CheckAccessResponse(allowed=allowed, revision=revision)


def batch_checked(decided: tuple[Iterable[bool], str]) -> pb.BatchCheckAccessResponse:
    """The answer to BatchCheckAccess."""
    allowed, revision = decided
    results = [_RESULTS[one] for one in allowed]
    return pb.BatchCheckAccessResponse(results=results, revision=revision)


def reached(listed: tuple[Page[Reached], str]) -> pb.ListAccessResponse:
    """The answer to ListAccess."""
    page, revision = listed
    return pb.ListAccessResponse(
        paths=[one.path for one in page.items if not one.denied],
        denied_paths=[one.path for one in page.items if one.denied],
        next_page_token=page.next_page_token,
        revision=revision,
    )


def holders(listed: tuple[Page[Holder], str]) -> pb.ListSubjectsResponse:
    """The answer to ListSubjects."""
    page, revision = listed
    return pb.ListSubjectsResponse(
        subjects=[one.subject for one in page.items if not one.denied],
        denied_subjects=[one.subject for one in page.items if one.denied],
        next_page_token=page.next_page_token,
        revision=revision,
    )


def explained(answer: tuple[Explanation, str]) -> pb.ExplainAccessResponse:
    """The answer to ExplainAccess."""
    found, revision = answer
    response = pb.ExplainAccessResponse(
        allowed=found.allowed,
        steps=[_step(one) for one in found.steps],
        explanation=in_words(found),
        revision=revision,
    )
    if found.denied_by is not None:
        response.denied_by.CopyFrom(_step(found.denied_by))
    if found.a_grant_would_help:
        response.smallest_grant.path = found.check.path
        response.smallest_grant.role = found.suggested_role
        response.smallest_grant.subject = found.check.subject
    return response


_RESULTS = {
    True: pb.AccessCheckResult(allowed=True),
    False: pb.AccessCheckResult(allowed=False),
}


def _step(found: Step) -> explanation_pb2.ExplanationStep:
    message = explanation_pb2.ExplanationStep(
        groups=[EVERYONE, *found.chain] if found.through_everyone else found.chain,
        role=found.grant.role if found.grant else "",
        permission=found.pattern,
        grant=found.grant.name if found.grant else "",
        path=found.path,
        subject=found.subject,
        effect=_TO_EFFECT[found.effect],
        text=step_in_words(found),
    )
    _set_time(message.expire_time, found.grant.expire_time if found.grant else None)
    return message


def _set_time(message: Timestamp, time: datetime | None) -> None:
    if time is not None:
        message.FromDatetime(time)
