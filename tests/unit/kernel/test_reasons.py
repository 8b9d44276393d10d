"""The contract's reasons and the service's errors are one list."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gatehouse.errors.v1 import error_reason_pb2

import service
from service.kernel.errors import GatehouseError, NotFound
from service.kernel.reasons import ErrorReason
from service.transport.status import _CODES, code_of

WITHOUT_CLASS = {
    "ERROR_REASON_INTERNAL",  # sent for what is no error of ours
    "ERROR_REASON_NO_SESSION",  # for the tokens of service accounts, which do not exist yet
}
PROTO = Path(__file__).parents[3] / "proto/gatehouse/errors/v1/error_reason.proto"
DOCUMENTED = {
    name: code
    for code, name in re.findall(
        r"// ([A-Z_]+): .*\n(?:  // .*\n)*  (ERROR_\w+) =", PROTO.read_text()
    )
}


def _errors() -> list[type[GatehouseError]]:
    for module in pkgutil.walk_packages(service.__path__, "service."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return sorted(_below(GatehouseError), key=lambda it: it.__qualname__)


def _below(kind: type[GatehouseError]) -> Iterator[type[GatehouseError]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("service."):
            yield one
            yield from _below(one)


ERRORS = _errors()
SENT = [it for it in ERRORS if "reason" in it.__dict__]


def _contract() -> dict[str, int]:
    return {k: v for k, v in error_reason_pb2.ErrorReason.items() if v}


def test_the_kernel_knows_every_reason_of_the_contract_and_no_other() -> None:
    assert {str(it) for it in ErrorReason} == set(_contract())


def test_every_reason_has_an_error_and_every_error_a_reason_of_the_contract() -> None:
    assert {str(it.reason) for it in SENT} == set(_contract()) - WITHOUT_CLASS


@pytest.mark.parametrize("error", ERRORS, ids=lambda it: it.__name__)
def test_every_error_is_of_a_kind_with_a_status(error: type[GatehouseError]) -> None:
    kinds = [it for it in error.__mro__ if it in _CODES]
    assert kinds, f"{error.__name__} would be INTERNAL"


@pytest.mark.parametrize("error", ERRORS, ids=lambda it: it.__name__)
def test_only_a_kind_may_go_without_a_reason(error: type[GatehouseError]) -> None:
    assert error in _CODES or hasattr(error, "reason")


@pytest.mark.parametrize("error", SENT, ids=lambda it: it.__name__)
def test_every_error_says_what_it_means(error: type[GatehouseError]) -> None:
    assert error.__doc__


@pytest.mark.parametrize(
    "error", [it for it in ERRORS if issubclass(it, NotFound) and it is not NotFound]
)
def test_what_is_not_found_has_a_type(error: type[NotFound]) -> None:
    assert re.fullmatch(r"gatehouse\.\w+\.v1\.\w+", error.resource_type)


@pytest.mark.parametrize("error", SENT, ids=lambda it: it.__name__)
def test_every_reason_comes_with_the_code_that_the_contract_documents(
    error: type[GatehouseError],
) -> None:
    assert code_of(Exception.__new__(error)).name == DOCUMENTED[error.reason]
