"""Events of no domain, which a test lets happen."""

from typing import Any

from service.kernel.call import Call
from service.kernel.events import Event
from tests.support.house import House


class ThingHappened(Event):
    """Something happened to a thing."""

    type = "gatehouse.things.happened"


def happen(house: House, *things: str, **data: Any) -> None:
    """Records an event of each thing, in one transaction, in nobody's name."""
    with house.application.services.database.transaction(Call.internal("test")) as tx:
        for thing in things:
            tx.record(ThingHappened(thing, data))
        tx.commit(None)
