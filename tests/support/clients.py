"""Clients: `admin.users.SuspendUser(name=…)` over a real channel, straight from the contract."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from gatehouse.auth.v1.tokens_pb2 import Tokens
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from service.wiring import SERVICES

Metadata = Iterable[tuple[str, str | bytes]]
Request = Message | bytes | Iterable[Message | bytes] | None
PATIENCE = 20.0


class Method:
    """One RPC, called with the request's fields or with the request itself."""

    def __init__(
        self, descriptor: MethodDescriptor, channel: grpc.Channel, given: Metadata
    ) -> None:
        self.request = GetMessageClass(descriptor.input_type)
        self.response = GetMessageClass(descriptor.output_type)
        self.takes_many = descriptor.client_streaming
        self._metadata = tuple(given)
        kinds = {
            (False, False): channel.unary_unary,
            (False, True): channel.unary_stream,
            (True, False): channel.stream_unary,
            (True, True): channel.stream_stream,
        }
        self._call = kinds[descriptor.client_streaming, descriptor.server_streaming](
            f"/{descriptor.containing_service.full_name}/{descriptor.name}",
            request_serializer=_bytes,
            response_deserializer=self.response.FromString,
            _registered_method=False,
        )

    def __call__(self, request: Request = None, **fields: Any) -> Any:
        """The response; of a stream, the call, which is an iterator of responses.

        A client stream takes an iterable of requests. Bytes are sent as they are.
        """
        return self.with_metadata((), request, **fields)

    def with_metadata(self, extra: Metadata, request: Request = None, **fields: Any) -> Any:
        """The same with more metadata."""
        sent = self.request(**fields) if request is None else request
        if self.takes_many:
            sent = iter([sent] if isinstance(sent, bytes | Message) else sent)
        return self._call(sent, timeout=PATIENCE, metadata=(*self._metadata, *extra))

    def trailers(self, extra: Metadata = (), **fields: Any) -> dict[str, str]:
        """Calls, and answers the trailing metadata."""
        metadata = (*self._metadata, *extra)
        _, call = self._call.with_call(self.request(**fields), timeout=PATIENCE, metadata=metadata)
        return dict(call.trailing_metadata())

    def future(self, request: Message | None = None, **fields: Any) -> Any:
        """Calls without waiting; what is answered is a grpc.Future."""
        sent = self.request(**fields) if request is None else request
        return self._call.future(sent, timeout=PATIENCE, metadata=self._metadata)


class Service:
    """One service of the contract."""

    def __init__(self, descriptor: ServiceDescriptor, channel: grpc.Channel, given: Metadata):
        self._descriptor = descriptor
        self._channel = channel
        self._metadata = given

    def __getattr__(self, name: str) -> Method:
        method = Method(self._descriptor.methods_by_name[name], self._channel, self._metadata)
        setattr(self, name, method)
        return method


class Client:
    """A client that sends the same metadata with every call."""

    def __init__(self, channel: grpc.Channel, metadata: Metadata = ()) -> None:
        self.channel = channel
        self.metadata = tuple(metadata)
        services = {it.full_name: Service(it, channel, self.metadata) for it in SERVICES}
        self.access = services["gatehouse.access.v1.AccessService"]
        self.auth = services["gatehouse.auth.v1.AuthService"]
        self.events = services["gatehouse.events.v1.EventService"]
        self.files = services["gatehouse.files.v1.FileService"]
        self.groups = services["gatehouse.groups.v1.GroupService"]
        self.roles = services["gatehouse.roles.v1.RoleService"]
        self.service_accounts = services["gatehouse.serviceaccounts.v1.ServiceAccountService"]
        self.sessions = services["gatehouse.sessions.v1.SessionService"]
        self.users = services["gatehouse.users.v1.UserService"]
        self.webhooks = services["gatehouse.webhooks.v1.WebhookService"]
        self._services = services

    def method(self, descriptor: MethodDescriptor) -> Method:
        """Any RPC, by its descriptor."""
        method: Method = getattr(
            self._services[descriptor.containing_service.full_name], descriptor.name
        )
        return method

    def bearing(self, token: str) -> "Client":
        """The same channel with another access token."""
        return Client(self.channel, [("authorization", f"Bearer {token}")])


@dataclass
class Credentials:
    """What a person signs in with."""

    name: str
    email: str
    password: str


class Person(Client):
    """Someone who has signed in."""

    def __init__(self, channel: grpc.Channel, credentials: Credentials, tokens: Tokens) -> None:
        super().__init__(channel, [("authorization", f"Bearer {tokens.access_token}")])
        self.credentials = credentials
        self.tokens = tokens
        self.name = credentials.name or self.auth.WhoAmI().subject
        self.email = credentials.email
        self.password = credentials.password
        self.session = tokens.session


class Machine(Client):
    """A service that has signed in with an API key."""

    def __init__(self, channel: grpc.Channel, name: str, secret: str, tokens: Tokens) -> None:
        super().__init__(channel, [("authorization", f"Bearer {tokens.access_token}")])
        self.name = name
        self.secret = secret
        self.tokens = tokens
        self.session = tokens.session


def every_method() -> Iterator[MethodDescriptor]:
    """Every RPC of the contract."""
    for service in SERVICES:
        yield from service.methods


def _bytes(request: Message | bytes) -> bytes:
    return request if isinstance(request, bytes) else request.SerializeToString()
