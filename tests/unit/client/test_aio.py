"""The same for asyncio: tokens, deadlines, and an event loop that is never held up."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import grpc
import pytest
from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1.auth_service_pb2_grpc import AuthServiceStub

from gatehouse_client import ApiKey, Password, access_tokens, connect_aio
from gatehouse_client.aio import Awaited
from service.auth.errors import InvalidCredentials
from tests.unit.client.conftest import Server
from tests.unit.client.issuing import Issuer

KEY = ApiKey("gk_secret")
WHO_AM_I = "/gatehouse.auth.v1.AuthService/WhoAmI"
WATCH = "/gatehouse.auth.v1.AuthService/WatchRevocations"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


def test_many_calls_at_once_get_one_token_and_hold_nobody_up(issuer: Issuer) -> None:
    async def go() -> None:
        async with connect_aio(issuer.address, credentials=KEY) as channel:
            stub = AuthServiceStub(channel)
            calls = [asyncio.ensure_future(_who(stub)) for _ in range(100)]
            issuer.hold.clear()
            await until(lambda: issuer.asked)  # the loop goes on meanwhile
            calls.pop().cancel()
            issuer.hold.set()
            assert set(await asyncio.gather(*calls)) == {"token-1"}

    issuer.hold.clear()
    asyncio.run(go())
    assert issuer.asked == ["ExchangeApiKey gk_secret "]


def test_a_revoked_session_is_noticed_and_replaced_within_the_call(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "_YOUNG", 0.0)

    async def go() -> list[str]:
        async with connect_aio(issuer.address, credentials=KEY) as channel:
            stub = AuthServiceStub(channel)
            first = await _who(stub)
            issuer.revoked.add(first)
            return [first, await _who(stub)]

    assert asyncio.run(go()) == ["token-1", "token-2"]


def test_a_stream_that_was_refused_makes_the_next_call_bring_another_token(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "_YOUNG", 0.0)
    issuer.revoked.add("token-1")

    async def go() -> None:
        async with connect_aio(issuer.address, credentials=KEY) as channel:
            stub = AuthServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.WatchRevocations(pb.WatchRevocationsRequest()).read()
            issuer.revoked.clear()
            while await _who(stub) != "token-2":
                await asyncio.sleep(0.002)

    asyncio.run(asyncio.wait_for(go(), 20))


def test_a_sign_in_that_is_refused_is_what_the_call_raises(issuer: Issuer) -> None:
    issuer.failing = InvalidCredentials()

    async def go() -> None:
        async with connect_aio(issuer.address, credentials=Password("a@b", "c")) as channel:
            await _who(AuthServiceStub(channel))

    with pytest.raises(grpc.RpcError) as caught:
        asyncio.run(go())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert issuer.bearers == []


def test_the_token_is_awaited_before_each_call(server: Server) -> None:
    numbers = iter(range(9))

    async def token() -> str:
        return f"token-{next(numbers)}"

    asyncio.run(_calls(server, token))
    assert [it.get("authorization") for it in server.metadata] == [
        "Bearer token-0",
        "Bearer own",
        "Bearer token-1",
    ]


def test_unary_calls_have_a_deadline_and_streams_none(server: Server) -> None:
    asyncio.run(_calls(server, None))
    unary, _, stream = server.seconds_left
    assert unary is not None
    assert 0.0 < unary < 8.0
    assert stream is None or stream > 1e6


def test_however_many_calls_wait_one_thread_does(issuer: Issuer) -> None:
    waited: list[str] = []
    given = threading.Event()

    class Slow:
        def ready(self) -> str | None:
            return "token" if given.is_set() else None

        def current(self) -> str:
            waited.append("once")
            given.wait()
            return "token"

        def refused(self, token: str) -> bool:
            return False

    async def go() -> None:
        tokens = Awaited(Slow())
        calls = [asyncio.ensure_future(tokens.current()) for _ in range(50)]
        await until(lambda: waited)
        given.set()
        assert set(await asyncio.gather(*calls)) == {"token"}

    asyncio.run(go())
    assert waited == ["once"]


def test_a_channel_takes_a_token_or_credentials() -> None:
    async def token() -> str:
        return "token"

    with pytest.raises(ValueError, match="either"):
        connect_aio("127.0.0.1:1", token=token, credentials=KEY)


async def _calls(server: Server, token: Callable[[], Awaitable[str]] | None) -> None:
    """A call, one with its own authorization, and a stream."""
    own = (("authorization", "Bearer own"),)
    async with connect_aio(server.address, token=token, deadline=7.0) as channel:
        await channel.unary_unary(WHO_AM_I, _registered_method=False)(b"")
        await channel.unary_unary(WHO_AM_I, _registered_method=False)(b"", metadata=own)
        async for _ in channel.unary_stream(WATCH, _registered_method=False)(b""):
            pass


async def _who(stub: AuthServiceStub) -> str:
    answer: pb.WhoAmIResponse = await stub.WhoAmI(pb.WhoAmIRequest())
    return answer.subject
