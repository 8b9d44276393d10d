"""Why a subject holds a permission on a path, or why not: the facts, and the words for them."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.access.models import (
    EVERYONE,
    Check,
    Effect,
    Explanation,
    Own,
    State,
    Step,
    Why,
    own,
)
from service.kernel import paths

_MOST_STEPS = 100


def explain(check: Check, why: Why) -> Explanation:
    """The explanation; it agrees with the decision, because both follow the same rules."""
    mine = _own_step(check)
    always = mine is not None and not mine[0].deniable
    allowed_by = [step for step in why.steps if step.effect is Effect.ALLOW]
    ways = _ways(check.subject, why.groups)
    allowing = [mine[1]] if mine is not None else []
    allowing += [_by(step, ways) for step in allowed_by[: _MOST_STEPS - len(allowing)]]
    denying = [_by(step, ways) for step in why.steps if step.effect is Effect.DENY][:1]
    able = why.state not in {None, State.SUSPENDED}
    denied_by = denying[0] if denying and not always else None
    return Explanation(
        check=check,
        state=why.state,
        allowed=able and bool(allowing) and denied_by is None,
        steps=allowing if able else [],
        denied_by=denied_by if able else None,
        suggested_role=why.narrowest_role,
    )


def in_words(found: Explanation) -> str:
    """The whole explanation, for a person."""
    check = found.check
    question = f"{check.permission} on {check.path}"
    if found.state is None:
        return f"{check.subject} is not allowed {question}: there is no such subject."
    if found.state is State.SUSPENDED:
        return f"{check.subject} is not allowed {question}: it is suspended, so nothing is."
    if found.denied_by is not None:
        beaten = " It beats what else would allow it." if found.steps else ""
        return (
            f"{check.subject} is not allowed {question}: {step_in_words(found.denied_by)}{beaten}"
            f" No grant helps while {_named(found.denied_by)} stands."
        )
    if found.allowed:
        return f"{check.subject} is allowed {question}: {step_in_words(found.steps[0])}"
    lack = f"{check.subject} is not allowed {question}: no grant on it or above gives it."
    if not found.suggested_role:
        return f"{lack} No role holds {check.permission} yet: create one, then grant it."
    return f"{lack} The smallest grant that would: {found.suggested_role} on {check.path}."


def step_in_words(step: Step) -> str:
    """One step, for a person."""
    if step.grant is None:
        return f"{step.path} is their own."
    verb = "denies" if step.effect is Effect.DENY else "gives"
    ends = step.grant.expire_time
    until = f" until {ends:%Y-%m-%dT%H:%M:%SZ}" if ends else ""
    membership = f", and {_membership(step)}" if step.chain else ""
    return (
        f"{_named(step)} {verb} {step.subject} {step.grant.role} ({step.pattern})"
        f" on {step.path}{until}{membership}."
    )


def _membership(step: Step) -> str:
    return f"{step.member} is in " + ", which is in ".join(step.chain)


def _named(step: Step) -> str:
    return step.grant.name if step.grant else step.path


def _own_step(check: Check) -> tuple[Own, Step] | None:
    for one in own(check.subject):
        place = one.path(check.subject)
        if one.permissions.allows(check.permission) and place in paths.ancestors(check.path):
            return one, Step(place, check.subject, Effect.ALLOW, check.permission)
    return None


def _ways(subject: str, groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """How one gets to each group by the fewest steps: from which member of it.

    The subject, and else everyone, is where one starts.
    """
    before: dict[str, str] = {subject: "", EVERYONE: ""}
    waiting = deque([subject, EVERYONE])
    while waiting:
        member = waiting.popleft()
        for group in groups.get(member, ()):
            if group not in before:
                before[group] = member
                waiting.append(group)
    return before


def _by(step: Step, ways: Mapping[str, str]) -> Step:
    """The step with the groups by which it comes to the subject."""
    chain = [step.subject]
    while above := ways[chain[-1]]:
        chain.append(above)
    member, *groups = reversed(chain)
    return replace(step, member=member, chain=tuple(groups))
