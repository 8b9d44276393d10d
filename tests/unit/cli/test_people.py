"""Addresses beside names."""

from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from gatehouse.users.v1 import user_service_pb2 as pb
from gatehouse.users.v1.user_pb2 import User

from service.cli.people import People


class Refused(grpc.RpcError):
    """As a call raises it."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self.code = lambda: code
        self.details = self.trailing_metadata = lambda: None


class Users:
    """A server that knows addresses, or refuses to say them; some users may be gone."""

    def __init__(self, *gone: str, refuses: bool = False) -> None:
        self._gone = set(gone)
        self._refuses = refuses
        self.asked: list[int] = []

    def BatchGetUsers(self, request: pb.BatchGetUsersRequest) -> pb.BatchGetUsersResponse:
        self.asked.append(len(request.names))
        if self._refuses:
            raise Refused(grpc.StatusCode.PERMISSION_DENIED)
        if self._gone.intersection(request.names):
            raise Refused(grpc.StatusCode.NOT_FOUND)
        return pb.BatchGetUsersResponse(
            users=[User(name=name, email=f"{name.rpartition('/')[2]}@x") for name in request.names]
        )


def people(users: Users, *subjects: str) -> People:
    client: Any = SimpleNamespace(users=users)
    return People(client, subjects)


def test_users_are_asked_for_once_and_nobody_else_is() -> None:
    users = Users()
    known = people(users, "users/1", "users/1", "users/2", "groups/a", "everyone", "users/me", "")
    assert users.asked == [2]
    assert (known.email("users/1"), known.short("users/2")) == ("1@x", "2@x")
    assert known.both("users/1") == "users/1 (1@x)"
    assert (known.email("groups/a"), known.short("groups/a")) == ("", "groups/a")


def test_without_users_nothing_is_asked() -> None:
    users = Users()
    people(users, "groups/a", "everyone")
    assert users.asked == []


@pytest.mark.parametrize("count", [1000, 1001])
def test_many_are_asked_for_in_batches_that_the_server_takes(count: int) -> None:
    users = Users()
    known = people(users, *(f"users/{n}" for n in range(count)))
    assert users.asked == [1000, *([1] if count > 1000 else [])]
    assert known.email("users/999") == "999@x"


def test_who_may_not_know_reads_names_and_asks_once() -> None:
    users = Users(refuses=True)
    known = people(users, *(f"users/{n}" for n in range(2000)))
    assert (known.email("users/1"), known.both("users/1")) == ("", "users/1")
    assert users.asked == [1000]


def test_those_who_are_gone_do_not_hide_the_others() -> None:
    users = Users("users/3", "users/97")
    known = people(users, *(f"users/{n}" for n in range(100)))
    assert {n for n in range(100) if not known.email(f"users/{n}")} == {3, 97}
    assert known.short("users/3") == "users/3"
    assert len(users.asked) < 30
