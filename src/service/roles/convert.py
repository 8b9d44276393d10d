"""Roles between models and messages."""

from collections.abc import Iterable

from gatehouse.roles.v1 import role_pb2
from gatehouse.roles.v1 import role_service_pb2 as pb

from service.kernel.call import Committed
from service.roles.models import Role, Wanted


def role(found: Role) -> role_pb2.Role:
    """A role as clients see it."""
    message = role_pb2.Role(
        name=found.name,
        title=found.title,
        description=found.description,
        permissions=sorted(found.permissions),
        built_in=found.built_in,
        etag=found.etag,
    )
    message.create_time.FromDatetime(found.create_time)
    message.update_time.FromDatetime(found.update_time)
    return message


def roles(found: Iterable[Role]) -> list[role_pb2.Role]:
    """Roles as clients see them."""
    return [role(one) for one in found]


def wanted(message: role_pb2.Role) -> Wanted:
    """What a client says of a role."""
    return Wanted(message.name, message.title, message.description, frozenset(message.permissions))


def created(committed: Committed[Role]) -> pb.CreateRoleResponse:
    """The answer to CreateRole."""
    return pb.CreateRoleResponse(role=role(committed.value), revision=committed.revision)


def updated(committed: Committed[Role]) -> pb.UpdateRoleResponse:
    """The answer to UpdateRole."""
    return pb.UpdateRoleResponse(role=role(committed.value), revision=committed.revision)


def deleted(committed: Committed[None]) -> pb.DeleteRoleResponse:
    """The answer to DeleteRole."""
    return pb.DeleteRoleResponse(revision=committed.revision)
