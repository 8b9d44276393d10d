"""What the contract says of each method: its kind, its messages and its authorization rule."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from string import Formatter
from typing import Any

from gatehouse.options.v1 import auth_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from service.kernel import paths
from service.kernel.call import Call
from service.kernel.errors import InvalidArgument


class RuleMissing(Exception):
    """A method of the contract declares no authorization rule, or one that makes no sense."""


class TwoWays(Exception):
    """A method streams both ways: the pipeline could not tell its requests' end from a cut."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call: anyone, any valid token, or who holds `permission` on the request's path."""

    public: bool
    permission: str
    path: Callable[[Message, Call], str]
    scope: str


@dataclass(frozen=True, slots=True)
class Method:
    """One method, as the pipeline is compiled from it."""

    service: str
    name: str
    request: type[Message]
    streams_requests: bool
    streams_responses: bool
    rule: Rule
    # A stream of requests whose first message is a header, and no other.
    begins_with_header: bool
    # The id that makes a retry safe; empty where there is none.
    request_id: Callable[[Message], str]

    @property
    def full_name(self) -> str:
        """As gRPC names it on the wire."""
        return f"/{self.service}/{self.name}"

    @property
    def kind(self) -> str:
        """As py-grpc-prometheus labels it."""
        match self.streams_requests, self.streams_responses:
            case False, False:
                return "UNARY"
            case False, True:
                return "SERVER_STREAMING"
            case _:
                return "CLIENT_STREAMING"


def methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """The methods of the services by full name. Raises RuleMissing for one without, TwoWays."""
    found = (_method(method) for service in services for method in service.methods)
    return {method.full_name: method for method in found}


def _method(method: MethodDescriptor) -> Method:
    if method.client_streaming and method.server_streaming:
        raise TwoWays(f"{method.full_name} streams both ways")
    return Method(
        service=method.containing_service.full_name,
        name=method.name,
        request=GetMessageClass(method.input_type),
        streams_requests=method.client_streaming,
        streams_responses=method.server_streaming,
        rule=_rule(method),
        begins_with_header=method.client_streaming and "header" in method.input_type.fields_by_name,
        request_id=_request_id(method),
    )


def _request_id(method: MethodDescriptor) -> Callable[[Message], str]:
    """Reads `request_id` of the request, or of the header that a stream begins with."""
    header = method.input_type.fields_by_name.get("header")
    if "request_id" in method.input_type.fields_by_name:
        return attrgetter("request_id")
    if header and header.message_type and "request_id" in header.message_type.fields_by_name:
        return attrgetter("header.request_id")
    return lambda _request: ""


def _rule(method: MethodDescriptor) -> Rule:
    options = method.GetOptions()
    if not options.HasExtension(auth_pb2.auth):
        raise RuleMissing(f"{method.full_name} has no (gatehouse.options.v1.auth)")
    auth = options.Extensions[auth_pb2.auth]
    if [auth.public, auth.authenticated, bool(auth.permission)].count(True) != 1:
        raise RuleMissing(f"{method.full_name} must be public, authenticated or ask a permission")
    if bool(auth.permission) != bool(auth.path):
        raise RuleMissing(f"{method.full_name} must ask a permission on a path")
    path = _path(method, auth.path) if auth.path else _no_path
    return Rule(auth.public, auth.permission, path, auth.scope)


def _no_path(_request: Message, call: Call) -> str:
    raise LookupError(f"{call.method} asks no permission")


def _path(method: MethodDescriptor, template: str) -> Callable[[Message, Call], str]:
    """Compiles `/{user.name}`: fields are filled in, and `users/me` is the caller."""
    parts = list(Formatter().parse(template))
    fields = [field for _, field, _, _ in parts if field is not None]
    if not fields:
        return lambda _request, _call: template
    for field in fields:
        _require_string(method, field)
    reads = [(text, field, attrgetter(field) if field else None) for text, field, _, _ in parts]

    def build(request: Message, call: Call) -> str:
        path = ""
        for text, field, read in reads:
            path += text
            if read is not None:
                if not (value := read(request)):
                    raise InvalidArgument.field(str(field), "must not be empty")
                path += call.resolve(value)
        return paths.check(path, field=fields[0])

    return build


def _require_string(method: MethodDescriptor, field: str) -> None:
    message: Any = method.input_type
    found: Any = None
    for name in field.split("."):
        found = message and message.fields_by_name.get(name)
        message = found and found.message_type
    if found is None:
        raise RuleMissing(f"{method.full_name}: its path names no field {field!r}")
    if found.type != found.TYPE_STRING or found.is_repeated:
        raise RuleMissing(f"{method.full_name}: {field!r} in its path is not a string")
