"""Users between models and messages."""

from collections.abc import Iterable

from gatehouse.users.v1 import user_pb2
from gatehouse.users.v1 import user_service_pb2 as pb

from service.kernel.call import Committed
from service.transport.times import optional_time
from service.users.models import NewUser, State, User, UserFilter

_TO_STATE = {
    State.ACTIVE: user_pb2.User.STATE_ACTIVE,
    State.SUSPENDED: user_pb2.User.STATE_SUSPENDED,
    State.PENDING: user_pb2.User.STATE_PENDING,
}
_FROM_STATE = {message: state for state, message in _TO_STATE.items()}


def user(found: User) -> user_pb2.User:
    """A user as clients see it."""
    message = user_pb2.User(
        name=found.subject,
        email=found.email,
        display_name=found.display_name,
        state=_TO_STATE[found.state],
        email_verified=found.email_verified,
        mfa_enabled=found.mfa_enabled,
        attributes=found.attributes,
        etag=found.etag,
    )
    message.create_time.FromDatetime(found.create_time)
    message.update_time.FromDatetime(found.update_time)
    return message


def users(found: Iterable[User]) -> list[user_pb2.User]:
    """Users as clients see them."""
    return [user(one) for one in found]


def new_user(message: user_pb2.User) -> NewUser:
    """What a client says of a user."""
    return NewUser(message.email, message.display_name, dict(message.attributes))


def user_filter(request: pb.ListUsersRequest) -> UserFilter:
    """Which users a client wants listed."""
    return UserFilter(
        state=_FROM_STATE.get(request.state),
        email=request.email,
        group=request.group,
        start=optional_time(request, "create_start_time"),
        end=optional_time(request, "create_end_time"),
    )


def created(committed: Committed[User]) -> pb.CreateUserResponse:
    """The answer to CreateUser."""
    return pb.CreateUserResponse(user=user(committed.value), revision=committed.revision)


def updated(committed: Committed[User]) -> pb.UpdateUserResponse:
    """The answer to UpdateUser."""
    return pb.UpdateUserResponse(user=user(committed.value))


def suspended(committed: Committed[User]) -> pb.SuspendUserResponse:
    """The answer to SuspendUser."""
    return pb.SuspendUserResponse(user=user(committed.value), revision=committed.revision)


def reactivated(committed: Committed[User]) -> pb.ReactivateUserResponse:
    """The answer to ReactivateUser."""
    return pb.ReactivateUserResponse(user=user(committed.value), revision=committed.revision)


def deleted(committed: Committed[None]) -> pb.DeleteUserResponse:
    """The answer to DeleteUser."""
    return pb.DeleteUserResponse(revision=committed.revision)
