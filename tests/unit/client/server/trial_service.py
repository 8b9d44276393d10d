"""A service of somebody else's, with a method of each kind, served by threads or by asyncio.

Every method answers who the current caller is, and what it was sent.
"""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from gatehouse_client.server import AioAuthInterceptor, AuthInterceptor, current_caller

SERVICE = "trial.v1.Trial"
KINDS = {
    "Ask": (False, False),
    "Listen": (False, True),
    "Tell": (True, False),
    "Talk": (True, True),
    "Forgotten": (False, False),
    "Open": (False, False),
    "Whoever": (False, False),
    "ReadAndWrite": (True, True),
}


def text(said: str) -> StringValue:
    return StringValue(value=said)


def answer(said: str) -> StringValue:
    return text(f"{current_caller().subject} {said}")


class Trial:
    """What the methods do; `going` is set once a stream has begun and waits."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.going = threading.Event()
        self.over = threading.Event()

    def one(self, request: StringValue, context: Any) -> StringValue:
        self.handled.append(request.value)
        return answer(request.value)

    def nobody(self, request: StringValue, context: Any) -> StringValue:
        try:
            return answer(request.value)
        except LookupError:
            return text("nobody")

    def many(self, request: StringValue, context: Any) -> Iterator[StringValue]:
        self.handled.append(request.value)
        yield answer(request.value)
        yield answer(request.value)
        while request.value == "flood" and context.is_active():
            self.going.set()
            yield text("x" * 65_536)
        if request.value == "wait":
            context.add_callback(self.over.set)
            self.going.set()
            self.over.wait()

    def gather(self, requests: Any, context: Any) -> StringValue:
        return answer(" ".join(it.value for it in requests))

    def echo(self, requests: Any, context: Any) -> Iterator[StringValue]:
        for request in requests:
            yield answer(request.value)


class AioTrial:
    """The same, asynchronous."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    async def one(self, request: StringValue, context: Any) -> StringValue:
        return self._trial.one(request, context)

    async def nobody(self, request: StringValue, context: Any) -> StringValue:
        return self._trial.nobody(request, context)

    async def many(self, request: StringValue, context: Any) -> Any:
        self._trial.handled.append(request.value)
        yield answer(request.value)
        await asyncio.sleep(0)
        yield answer(request.value)
        try:
            while request.value == "flood":
                self._trial.going.set()
                yield text("x" * 65_536)
            if request.value == "wait":
                self._trial.going.set()
                await asyncio.get_running_loop().create_future()
        finally:
            self._trial.over.set()

    async def gather(self, requests: Any, context: Any) -> StringValue:
        return answer(" ".join([it.value async for it in requests]))

    async def echo(self, requests: Any, context: Any) -> Any:
        async for request in requests:
            yield answer(request.value)

    async def read_and_write(self, requests: Any, context: Any) -> None:
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(answer(request.value))


def _handlers(does: Any) -> grpc.GenericRpcHandler:
    by_method = {
        "Ask": does.one,
        "Listen": does.many,
        "Tell": does.gather,
        "Talk": does.echo,
        "Forgotten": does.one,
        "Open": does.nobody,
        "Whoever": does.one,
        "ReadAndWrite": getattr(does, "read_and_write", does.echo),
    }
    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    packing = {
        "request_deserializer": StringValue.FromString,
        "response_serializer": StringValue.SerializeToString,
    }
    return grpc.method_handlers_generic_handler(
        SERVICE, {name: make[KINDS[name]](does, **packing) for name, does in by_method.items()}
    )


@contextmanager
def served(trial: Trial, guard: AuthInterceptor) -> Iterator[str]:
    """Serves it; yields the address."""
    server = grpc.server(ThreadPoolExecutor(4), interceptors=[guard])
    server.add_generic_rpc_handlers((_handlers(trial),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        trial.over.set()
        server.stop(None).wait()


@contextmanager
def served_aio(trial: Trial, guard: AioAuthInterceptor) -> Iterator[str]:
    """Serves it with asyncio, in a thread of its own."""
    ready, leaving, address = threading.Event(), [], []

    async def serve() -> None:
        server = grpc.aio.server(interceptors=[guard])
        server.add_generic_rpc_handlers((_handlers(AioTrial(trial)),))
        address.append(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await server.start()
        leave = asyncio.Event()
        leaving.append((asyncio.get_running_loop(), leave))
        ready.set()
        await leave.wait()
        await server.stop(None)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield address[0]
    finally:
        [(loop, leave)] = leaving
        loop.call_soon_threadsafe(leave.set)
        thread.join()


class TrialClient:
    """Calls it: `client.ask("x")`, each time with the token."""

    def __init__(self, channel: grpc.Channel, token: str = "") -> None:
        self._channel = channel
        self._metadata = [("authorization", f"Bearer {token}")] if token else []

    def bearing(self, token: str) -> "TrialClient":
        return TrialClient(self._channel, token)

    def call(self, name: str, *said: Any, metadata: Any = None, timeout: float = 20.0) -> Any:
        """One message, or the call for a stream of them; takes texts, or an iterator."""
        takes_many, gives_many = KINDS[name]
        kinds = {
            (False, False): self._channel.unary_unary,
            (False, True): self._channel.unary_stream,
            (True, False): self._channel.stream_unary,
            (True, True): self._channel.stream_stream,
        }
        method: Any = kinds[takes_many, gives_many](
            f"/{SERVICE}/{name}",
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
            _registered_method=False,
        )
        if said and isinstance(said[0], Iterator):
            [request] = said
        else:
            request = iter([text(it) for it in said]) if takes_many else text(*said)
        return method(
            request, timeout=timeout, metadata=self._metadata if metadata is None else metadata
        )

    def answers(self, name: str, *said: str) -> list[str]:
        """All that is answered."""
        answered = self.call(name, *said)
        return [it.value for it in answered] if KINDS[name][1] else [answered.value]
