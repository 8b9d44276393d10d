"""gatehouse.groups.v1.GroupService."""

from gatehouse.groups.v1 import group_service_pb2 as pb
from gatehouse.groups.v1 import group_service_pb2_grpc as rpc

from service.groups import convert
from service.groups.models import Group
from service.groups.service import GroupService
from service.kernel.call import Call, Committed
from service.transport.answers import answers
from service.transport.paging import page_request


class GroupServicer(rpc.GroupServiceServicer):
    """Unpacks, asks the service, packs."""

    def __init__(self, groups: GroupService) -> None:
        self._groups = groups

    @answers(convert.created)
    def CreateGroup(self, request: pb.CreateGroupRequest, call: Call) -> Committed[Group]:
        return self._groups.create(call, convert.wanted(request.group))

    def GetGroup(self, request: pb.GetGroupRequest, call: Call) -> pb.GetGroupResponse:
        return pb.GetGroupResponse(group=convert.group(self._groups.get(request.name)))

    def ListGroups(self, request: pb.ListGroupsRequest, call: Call) -> pb.ListGroupsResponse:
        page = self._groups.list(page_request(request))
        return pb.ListGroupsResponse(
            groups=convert.groups(page.items), next_page_token=page.next_page_token
        )

    @answers(convert.updated)
    def UpdateGroup(self, request: pb.UpdateGroupRequest, call: Call) -> Committed[Group]:
        return self._groups.update(
            call, convert.wanted(request.group), request.update_mask.paths, etag=request.group.etag
        )

    @answers(convert.deleted)
    def DeleteGroup(self, request: pb.DeleteGroupRequest, call: Call) -> Committed[None]:
        return self._groups.delete(call, request.name, etag=request.etag)

    @answers(convert.member_added)
    def AddMember(self, request: pb.AddMemberRequest, call: Call) -> Committed[None]:
        return self._groups.add_member(call, request.group, call.resolve(request.member))

    @answers(convert.member_removed)
    def RemoveMember(self, request: pb.RemoveMemberRequest, call: Call) -> Committed[None]:
        return self._groups.remove_member(call, request.group, call.resolve(request.member))

    def ListMembers(self, request: pb.ListMembersRequest, call: Call) -> pb.ListMembersResponse:
        page = self._groups.members(request.group, page_request(request))
        return pb.ListMembersResponse(members=page.items, next_page_token=page.next_page_token)

    def ListMemberships(
        self, request: pb.ListMembershipsRequest, call: Call
    ) -> pb.ListMembershipsResponse:
        subject = call.subject(request.subject)
        page = self._groups.memberships(
            call, subject, page_request(request, subject), transitive=request.transitive
        )
        return pb.ListMembershipsResponse(
            memberships=page.items, next_page_token=page.next_page_token
        )
