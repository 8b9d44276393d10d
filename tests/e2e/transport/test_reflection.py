"""Reflection under both of its names, and channelz for who asked for it."""

from collections.abc import Callable

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2 as pb

from service.wiring import SERVICES
from tests.support.house import House

NAMES = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]
EITHER = pytest.mark.parametrize("name", NAMES)


def ask(gatehouse: House, name: str, **request: str) -> pb.ServerReflectionResponse:
    call = gatehouse.channel.stream_stream(
        f"/{name}/ServerReflectionInfo",
        request_serializer=pb.ServerReflectionRequest.SerializeToString,
        response_deserializer=pb.ServerReflectionResponse.FromString,
        _registered_method=False,
    )
    [answer] = call(iter([pb.ServerReflectionRequest(**request)]), timeout=20)
    return answer


@EITHER
def test_every_service_is_listed_without_a_token(gatehouse: House, name: str) -> None:
    listed = ask(gatehouse, name, list_services="").list_services_response.service
    ours = {service.full_name for service in SERVICES}
    assert {it.name for it in listed} == ours | set(NAMES) | {"grpc.health.v1.Health"}


@EITHER
@pytest.mark.parametrize(
    "symbol",
    [
        "gatehouse.users.v1.UserService",
        "gatehouse.users.v1.UserService.GetUser",
        "gatehouse.users.v1.User",
        "gatehouse.errors.v1.ErrorReason",
        "grpc.health.v1.Health",
    ],
)
def test_a_symbol_leads_to_its_file(gatehouse: House, name: str, symbol: str) -> None:
    answer = ask(gatehouse, name, file_containing_symbol=symbol)
    files = answer.file_descriptor_response.file_descriptor_proto
    packages = {FileDescriptorProto.FromString(it).package for it in files}
    assert any(symbol.startswith(package) for package in packages)


@EITHER
def test_what_is_not_there_is_not_found(gatehouse: House, name: str) -> None:
    answer = ask(gatehouse, name, file_containing_symbol="gatehouse.nothing.Nothing")
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


@EITHER
def test_malformed_bytes_are_refused(gatehouse: House, name: str) -> None:
    path = f"/{name}/ServerReflectionInfo"
    call = gatehouse.channel.stream_stream(path, _registered_method=False)
    with pytest.raises(grpc.RpcError) as refusal:
        list(call(iter([b"\xff"]), timeout=20))
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@EITHER
def test_a_setting_turns_it_off(open_house: Callable[..., House], name: str) -> None:
    gatehouse = open_house(reflection=False)
    with pytest.raises(grpc.RpcError) as refusal:
        ask(gatehouse, name, list_services="")
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def servers(gatehouse: House) -> int:
    stub = channelz_pb2_grpc.ChannelzStub(gatehouse.channel)
    return len(stub.GetServers(channelz_pb2.GetServersRequest(), timeout=20).server)


def test_channelz_is_off(gatehouse: House) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        servers(gatehouse)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_setting_turns_channelz_on(open_house: Callable[..., House]) -> None:
    assert servers(open_house(channelz=True)) >= 1
