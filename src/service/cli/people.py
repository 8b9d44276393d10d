"""The e-mail addresses of users, whose names say nothing to people."""

from collections.abc import Iterable

import grpc
from gatehouse.users.v1 import user_service_pb2 as pb

from service.cli.client import Client

_LARGEST_BATCH = 1000


class People:
    """Some subjects, and the addresses of those who are users.

    They are a courtesy: whoever may not read users, or asks for one who is gone, reads names.
    """

    def __init__(self, client: Client, subjects: Iterable[str]) -> None:
        users = sorted({it for it in subjects if it.startswith("users/") and it != "users/me"})
        self._emails: dict[str, str] = {}
        for start in range(0, len(users), _LARGEST_BATCH):
            request = pb.BatchGetUsersRequest(names=users[start : start + _LARGEST_BATCH])
            try:
                found = client.users.BatchGetUsers(request).users
            except grpc.RpcError:
                return
            self._emails.update((user.name, user.email) for user in found)

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
