"""The e-mail addresses of users, whose names say nothing to people."""

from collections.abc import Iterable

import grpc
from gatehouse.users.v1 import user_service_pb2 as pb

from gatehouse_client import Refusal
from service.cli.client import Client

_LARGEST_BATCH = 1000


class People:
    """Some subjects, and the addresses of those who are users.

    They are a courtesy: whoever may not read users reads names, and so does everyone of users who
    are gone.
    """

    def __init__(self, client: Client, subjects: Iterable[str]) -> None:
        users = sorted({it for it in subjects if it.startswith("users/") and it != "users/me"})
        self._client = client
        self._emails: dict[str, str] = {}
        try:
            for start in range(0, len(users), _LARGEST_BATCH):
                self._ask(users[start : start + _LARGEST_BATCH])
        except grpc.RpcError:
            return

    def email(self, subject: str) -> str:
        """The address; empty for who has none or is not to be known."""
        return self._emails.get(subject, "")

    def short(self, subject: str) -> str:
        """What commands take instead of the name, where there is little room."""
        return self._emails.get(subject, subject)

    def both(self, subject: str) -> str:
        """The name, and the address where there is one."""
        email = self.email(subject)
        return f"{subject} ({email})" if email else subject

    def _ask(self, users: list[str]) -> None:
        """One who is gone has the server refuse all, so each half is asked for by itself then."""
        try:
            found = self._client.users.BatchGetUsers(pb.BatchGetUsersRequest(names=users)).users
        except grpc.RpcError as error:
            if Refusal.of(error).code is not grpc.StatusCode.NOT_FOUND:
                raise
            half = len(users) // 2
            if half:
                self._ask(users[:half])
                self._ask(users[half:])
            return
        self._emails.update((user.name, user.email) for user in found)
