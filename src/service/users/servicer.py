"""gatehouse.users.v1.UserService."""

from gatehouse.users.v1 import user_service_pb2 as pb
from gatehouse.users.v1 import user_service_pb2_grpc as rpc

from service.kernel import names
from service.kernel.call import Call, Committed
from service.transport.answers import answers
from service.transport.paging import page_request
from service.users import convert
from service.users.models import User
from service.users.service import UserService


class UserServicer(rpc.UserServiceServicer):
    """Unpacks, asks the service, packs."""

    def __init__(self, users: UserService) -> None:
        self._users = users

    @answers(convert.created)
    def CreateUser(self, request: pb.CreateUserRequest, call: Call) -> Committed[User]:
        return self._users.create(call, convert.new_user(request.user), request.password)

    def GetUser(self, request: pb.GetUserRequest, call: Call) -> pb.GetUserResponse:
        return pb.GetUserResponse(user=convert.user(self._users.recall(call.resolve(request.name))))

    def BatchGetUsers(
        self, request: pb.BatchGetUsersRequest, call: Call
    ) -> pb.BatchGetUsersResponse:
        wanted = [names.user_id(call.resolve(name), field="names") for name in request.names]
        return pb.BatchGetUsersResponse(users=convert.users(self._users.get_several(wanted)))

    def ListUsers(self, request: pb.ListUsersRequest, call: Call) -> pb.ListUsersResponse:
        page = self._users.list(call, convert.user_filter(request), page_request(request))
        return pb.ListUsersResponse(
            users=convert.users(page.items), next_page_token=page.next_page_token
        )

    @answers(convert.updated)
    def UpdateUser(self, request: pb.UpdateUserRequest, call: Call) -> Committed[User]:
        return self._users.update(
            call,
            names.user_id(call.resolve(request.user.name), field="user.name"),
            convert.new_user(request.user),
            request.update_mask.paths,
            etag=request.user.etag,
        )

    @answers(convert.suspended)
    def SuspendUser(self, request: pb.SuspendUserRequest, call: Call) -> Committed[User]:
        user_id = names.user_id(call.resolve(request.name))
        return self._users.suspend(call, user_id, etag=request.etag)

    @answers(convert.reactivated)
    def ReactivateUser(self, request: pb.ReactivateUserRequest, call: Call) -> Committed[User]:
        user_id = names.user_id(call.resolve(request.name))
        return self._users.reactivate(call, user_id, etag=request.etag)

    @answers(convert.deleted)
    def DeleteUser(self, request: pb.DeleteUserRequest, call: Call) -> Committed[None]:
        user_id = names.user_id(call.resolve(request.name))
        return self._users.delete(call, user_id, etag=request.etag)
