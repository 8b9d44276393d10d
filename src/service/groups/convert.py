"""Groups between models and messages."""

from collections.abc import Iterable

from gatehouse.groups.v1 import group_pb2
from gatehouse.groups.v1 import group_service_pb2 as pb

from service.groups.models import Group, Wanted
from service.kernel.call import Committed


def group(found: Group) -> group_pb2.Group:
    """A group as clients see it."""
    message = group_pb2.Group(
        name=found.name,
        display_name=found.display_name,
        description=found.description,
        etag=found.etag,
    )
    message.create_time.FromDatetime(found.create_time)
    message.update_time.FromDatetime(found.update_time)
    return message


def groups(found: Iterable[Group]) -> list[group_pb2.Group]:
    """Groups as clients see them."""
    return [group(one) for one in found]


def wanted(message: group_pb2.Group) -> Wanted:
    """What a client says of a group."""
    return Wanted(message.name, message.display_name, message.description)


def created(committed: Committed[Group]) -> pb.CreateGroupResponse:
    """The answer to CreateGroup."""
    return pb.CreateGroupResponse(group=group(committed.value), revision=committed.revision)


def updated(committed: Committed[Group]) -> pb.UpdateGroupResponse:
    """The answer to UpdateGroup."""
    return pb.UpdateGroupResponse(group=group(committed.value))


def deleted(committed: Committed[None]) -> pb.DeleteGroupResponse:
    """The answer to DeleteGroup."""
    return pb.DeleteGroupResponse(revision=committed.revision)


def member_added(committed: Committed[None]) -> pb.AddMemberResponse:
    """The answer to AddMember."""
    return pb.AddMemberResponse(revision=committed.revision)


def member_removed(committed: Committed[None]) -> pb.RemoveMemberResponse:
    """The answer to RemoveMember."""
    return pb.RemoveMemberResponse(revision=committed.revision)
