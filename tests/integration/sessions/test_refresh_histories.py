"""Any history of refreshes, lost answers and thefts against a model of ten lines."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from service.kernel.call import Call
from service.kernel.errors import GatehouseError
from service.sessions.errors import RefreshTokenInvalid, RefreshTokenReused
from service.sessions.service import SessionService
from tests.support.house import House

CALL = Call.internal("test")
_AGE = text("UPDATE sessions SET refresh_time = refresh_time - interval '11 seconds'")


class Model:
    """What a family of refresh tokens must do: the newest is good, the last for a while."""

    def __init__(self) -> None:
        self.newest = 0
        self.graced = False
        self.dead = False

    def present(self, generation: int) -> int | type[GatehouseError]:
        if self.dead:
            return RefreshTokenInvalid
        if generation == self.newest:
            self.newest, self.graced = self.newest + 1, True
        elif generation != self.newest - 1 or not self.graced:
            self.dead = True
            return RefreshTokenReused
        return self.newest

    def age(self) -> None:
        self.graced = False


class Family:
    """The same on the real service: tokens are known by the order in which they were given."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._sessions: SessionService = house.application.services.sessions
        with house.application.services.database.transaction(CALL) as tx:
            opened = self._sessions.open(tx, "users/1", device="", scopes=frozenset({"*"}))
            tx.commit(None)
        self.tokens = [opened.refresh_token]

    def present(self, generation: int) -> int | type[GatehouseError]:
        try:
            answered = self._sessions.refresh(CALL, self.tokens[generation]).refresh_token
        except GatehouseError as error:
            return type(error)
        if answered not in self.tokens:
            self.tokens.append(answered)
        return self.tokens.index(answered)

    def age(self) -> None:
        with self._house.application.services.database.transaction(CALL) as tx:
            tx.connection.execute(_AGE)
            tx.commit(None)


# Which token is presented: 0 is the newest, 1 the one before it and so on; -1 lets time pass.
HISTORIES = st.lists(st.integers(-1, 4), min_size=1, max_size=12)


@given(history=HISTORIES)
@settings(max_examples=80, deadline=None)
def test_every_history_goes_as_the_model_says(gatehouse: House, history: list[int]) -> None:
    model, family = Model(), Family(gatehouse)
    for step in history:
        if step < 0:
            model.age()
            family.age()
        else:
            generation = max(0, len(family.tokens) - 1 - step)
            assert family.present(generation) == model.present(generation), (history, step)
