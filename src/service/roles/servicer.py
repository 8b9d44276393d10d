"""gatehouse.roles.v1.RoleService."""

from gatehouse.roles.v1 import role_service_pb2 as pb
from gatehouse.roles.v1 import role_service_pb2_grpc as rpc

from service.kernel.call import Call, Committed
from service.roles import convert
from service.roles.models import Role
from service.roles.service import RoleService
from service.transport.answers import answers
from service.transport.paging import page_request


class RoleServicer(rpc.RoleServiceServicer):
    """Unpacks, asks the service, packs."""

    def __init__(self, roles: RoleService) -> None:
        self._roles = roles

    @answers(convert.created)
    def CreateRole(self, request: pb.CreateRoleRequest, call: Call) -> Committed[Role]:
        return self._roles.create(call, convert.wanted(request.role))

    def GetRole(self, request: pb.GetRoleRequest, call: Call) -> pb.GetRoleResponse:
        return pb.GetRoleResponse(role=convert.role(self._roles.get(request.name)))

    def ListRoles(self, request: pb.ListRolesRequest, call: Call) -> pb.ListRolesResponse:
        page = self._roles.list(page_request(request))
        return pb.ListRolesResponse(
            roles=convert.roles(page.items), next_page_token=page.next_page_token
        )

    @answers(convert.updated)
    def UpdateRole(self, request: pb.UpdateRoleRequest, call: Call) -> Committed[Role]:
        return self._roles.update(
            call, convert.wanted(request.role), request.update_mask.paths, etag=request.role.etag
        )

    @answers(convert.deleted)
    def DeleteRole(self, request: pb.DeleteRoleRequest, call: Call) -> Committed[None]:
        return self._roles.delete(call, request.name, etag=request.etag)
