"""Writers and readers at several replicas: an answer is exactly what was so at its revision."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.e2e.access.switches import Switches, every_kind
from tests.support.house import Site
from tests.support.revisions import position_of


@dataclass
class Answer:
    """Of a batch: how fresh it had to be, of when it says it is, and what it says."""

    wanted: int
    position: int
    allowed: list[bool]


def broken_promises(sites: Sequence[Site], *, writes: int) -> list[Answer]:
    """The answers that were not what they claimed.

    While five writers make so many writes each, through all replicas, four readers ask about
    everything in one batch, under each consistency.
    """
    every = list(every_kind(sites[0]))
    admins = [site.admin for site in sites]
    with ThreadPoolExecutor() as threads:
        writing = [threads.submit(one.write, admins, writes) for one in every]

        def read(number: int) -> list[Answer]:
            answers, random = [], Random(number)
            while not all(it.done() for it in writing):
                answers.append(_ask(admins[number % len(admins)], every, random))
            return answers

        reading = [threads.submit(read, number) for number in range(4)]
        answers = [answer for it in reading for answer in it.result()]
        for it in writing:
            it.result()
    assert len({it.position for it in answers}) > writes, "they asked while it changed"
    return [it for it in answers if it.position < it.wanted or it.allowed != _so(every, it)]


def _ask(admin: Any, every: Sequence[Switches], random: Random) -> Answer:
    newest = [it.revisions[-1] for it in every if it.revisions]
    known = max(newest, key=position_of, default="")
    how = random.choice([{}, {"fully_consistent": True}, {"at_least_as_fresh": known}])
    if not known:
        how = {}
    checks = [question for one in every for question in one.questions]
    answer = admin.access.BatchCheckAccess(checks=checks, consistency=how)
    return Answer(
        position_of(known) if how else 0,
        position_of(answer.revision),
        [it.allowed for it in answer.results],
    )


def _so(every: Sequence[Switches], answer: Answer) -> list[bool]:
    return [allowed for one in every for allowed in one.at(answer.position)]
