"""A mutation's answer: the same for the client and for whoever repeats the request."""

from service.kernel.call import Call, Committed
from service.transport.answers import answers
from tests.unit.transport.trial import Answer


def pack(committed: Committed[str]) -> Answer:
    return Answer(text=f"{committed.value} at {committed.revision}")


class Servicer:
    @answers(pack)
    def Do(self, request: str, call: Call) -> Committed[str]:
        """Does it."""
        return Committed(request, "r7")


def test_the_client_gets_the_packed_result() -> None:
    assert Servicer().Do("done", Call("1")).text == "done at r7"


def test_the_transaction_can_pack_the_same_bytes_before() -> None:
    call = Call("1")
    answer = Servicer().Do("done", call)
    assert call.pack is not None
    assert call.pack(Committed("done", "r7")) == answer.SerializeToString()


def test_a_servicers_method_keeps_its_name() -> None:
    assert (Servicer.Do.__name__, Servicer.Do.__doc__) == ("Do", "Does it.")
