"""Asking Gatehouse for what a call depends on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from gatehouse_client.refusal import Refusal
from gatehouse_client.server import refusals

log = logging.getLogger("gatehouse_client")

# It will come back; anything else is for the operator of this service: its rights, its rules.
_AWAY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


@contextmanager
def asking(method: str) -> Iterator[None]:
    """Whatever keeps Gatehouse from answering the block: Refused with UNAVAILABLE.

    The caller of this service is not told why; the log is.
    """
    try:
        yield
    except grpc.RpcError as error:
        told = Refusal.of(error)
        level = logging.DEBUG if told.code in _AWAY else logging.ERROR
        log.log(level, "%s: %s %s: %s", method, told.code.name, told.reason, told.message)
    except (OSError, ValueError) as error:  # a token file that is gone, a channel that is closed
        log.error("%s: %s", method, error)
    else:
        return
    raise refusals.unreachable()
