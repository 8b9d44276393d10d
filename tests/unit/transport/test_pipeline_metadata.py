"""The request id goes both ways, and the caller's address is read from whatever gRPC calls it."""

import pytest

from service.transport.incoming import address_of
from tests.support.clients import Service
from tests.support.refusals import PERMISSION_DENIED, refused
from tests.unit.transport.trial import Trial


def test_a_given_request_id_is_echoed(ada: Service, trial: Trial) -> None:
    trailers = ada.One.trailers([("x-request-id", "trip-7.a:b_C")], name="x")
    assert trailers["x-request-id"] == "trip-7.a:b_C"
    assert trial.calls[0].request_id == "trip-7.a:b_C"


def test_a_refused_call_echoes_it_too(ada: Service, trial: Trial) -> None:
    trial.allowed = False
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
        ada.One.with_metadata([("x-request-id", "mine")], name="x")
    assert refusal.request_id == "mine"


def test_a_call_without_one_gets_one_of_its_own(ada: Service, trial: Trial) -> None:
    made = [ada.One.trailers(name="x")["x-request-id"] for _ in range(2)]
    assert made == [call.request_id for call in trial.calls]
    assert len(set(made)) == 2
    assert all(len(it) == 32 for it in made)


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 129, 'a"b', "<script>", "a,b"])
def test_an_absurd_request_id_is_replaced(ada: Service, trial: Trial, given: str) -> None:
    answered = ada.One.trailers([("x-request-id", given)], name="x")["x-request-id"]
    assert answered not in {"", given}


def test_of_two_request_ids_one_is_used(ada: Service, trial: Trial) -> None:
    given = [("x-request-id", "one"), ("x-request-id", "two")]
    assert ada.One.trailers(given, name="x")["x-request-id"] in {"one", "two"}


def test_the_call_knows_its_method(ada: Service, trial: Trial) -> None:
    ada.One(name="x")
    assert trial.calls[0].method == "/gatehouse.trial.v1.TrialService/One"
    assert trial.calls[0].actor == "users/ada"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:50051", "127.0.0.1"),
        ("ipv6:[::1]:50051", "::1"),
        ("ipv6:%5B::1%5D:50051", "::1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:1", "fe80::1%eth0"),
        ("unix:/run/gatehouse.sock", "unix"),
        ("unix:", "unix"),
        ("", ""),
    ],
)
def test_the_address_of_a_peer_is_its_networkaddress_of(peer: str, address: str) -> None:
    assert address_of(peer) == address
