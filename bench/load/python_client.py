"""Load from this process: closed loops over several channels, and calls at a steady pace."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from time import perf_counter, sleep

import grpc

from bench.load.request import Request
from bench.rounds import Measured

# Each channel gets a connection of its own; by default grpc would share one among them.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


def run_mix(requests: Sequence[Request], calls: int, streams: int) -> Measured:
    """So many calls, as fast as they are answered, each request over a connection of its own."""
    with ExitStack() as stack:
        methods = [
            (_method(stack.enter_context(channel(one.target)), one), one) for one in requests
        ]

        def call(number: int) -> None:
            method, request = methods[number % len(methods)]
            method(request.body, metadata=request.metadata, timeout=60)

        return closed_loop(call, calls, len(methods) * streams)


def closed_loop(call: Callable[[int], None], calls: int, threads: int) -> Measured:
    """`threads` callers, each of which calls again when it is answered; they share `calls`."""
    latencies: list[float] = []

    def caller(number: int) -> None:
        for _ in range(calls // threads + (number < calls % threads)):
            started = perf_counter()
            call(number)
            latencies.append(perf_counter() - started)

    started = perf_counter()
    _together(caller, threads)
    return measured(latencies, perf_counter() - started)


def steady(request: Request, per_second: float, seconds: float) -> Measured:
    """Calls at a steady pace whatever becomes of them.

    Latency counts from when a call was due, so that one slow call cannot hide those behind it.
    """
    with channel(request.target) as open_channel:
        method = _method(open_channel, request)

        def call(_number: int) -> None:
            method(request.body, metadata=request.metadata, timeout=60)

        call(0)
        return paced(call, int(per_second * seconds), per_second)


def paced(call: Callable[[int], None], calls: int, per_second: float) -> Measured:
    """Has `call(0)`, `call(1)`, … made at a steady pace; latency counts from when each was due."""
    threads = 16
    latencies: list[float] = []
    begin = perf_counter() + 0.05

    def caller(number: int) -> None:
        for turn in range(number, calls, threads):
            due = begin + turn / per_second
            sleep(max(0.0, due - perf_counter()))
            call(turn)
            latencies.append(perf_counter() - due)

    _together(caller, threads)
    return measured(latencies, perf_counter() - begin)


def channel(target: str) -> grpc.Channel:
    """A channel with a connection of its own."""
    return grpc.insecure_channel(target, options=OWN_CONNECTION)


def _method(opened: grpc.Channel, request: Request) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """Bytes in, bytes out: the load decodes nothing."""
    return opened.unary_unary(request.method)


def measured(latencies: list[float], seconds: float) -> Measured:
    """The figures of a run from its latencies in seconds."""
    ordered = sorted(latencies)
    return Measured(
        len(ordered),
        seconds,
        p50=ordered[len(ordered) // 2] * 1000,
        p95=ordered[len(ordered) * 95 // 100] * 1000,
        p99=ordered[len(ordered) * 99 // 100] * 1000,
    )


def _together(work: Callable[[int], None], threads: int) -> None:
    """Runs `work(0)`, `work(1)`, … at once. Raises the first error of any."""
    errors: list[Exception] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    running = [threading.Thread(target=guarded, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if errors:
        raise errors[0]
