"""What it takes to give somebody access on a server, as its first admin does it."""

from gatehouse.access.v1 import access_service_pb2 as access_pb
from gatehouse.access.v1 import access_service_pb2_grpc as access_rpc
from gatehouse.access.v1 import grant_pb2
from gatehouse.auth.v1 import auth_service_pb2 as auth_pb
from gatehouse.groups.v1 import group_pb2
from gatehouse.groups.v1 import group_service_pb2 as groups_pb
from gatehouse.groups.v1 import group_service_pb2_grpc as groups_rpc
from gatehouse.roles.v1 import role_pb2
from gatehouse.roles.v1 import role_service_pb2 as roles_pb
from gatehouse.roles.v1 import role_service_pb2_grpc as roles_rpc
from gatehouse.serviceaccounts.v1 import service_account_pb2 as account_pb2
from gatehouse.serviceaccounts.v1 import service_account_service_pb2 as accounts_pb
from gatehouse.serviceaccounts.v1 import service_account_service_pb2_grpc as accounts_rpc

from bench.gatehouse import Gatehouse

_CHECKER = "serviceAccounts/checker"


class Access:
    """Each call as one line."""

    def __init__(self, server: Gatehouse) -> None:
        self._server = server
        self._access = access_rpc.AccessServiceStub(server.channel)
        self._groups = groups_rpc.GroupServiceStub(server.channel)
        self._roles = roles_rpc.RoleServiceStub(server.channel)
        self._accounts = accounts_rpc.ServiceAccountServiceStub(server.channel)

    def create_role(self, name: str, permissions: list[str]) -> None:
        """`roles/{id}`."""
        request = roles_pb.CreateRoleRequest(role=role_pb2.Role(name=name, permissions=permissions))
        self._roles.CreateRole(request, metadata=self._server.as_admin, timeout=60)

    def create_group(self, name: str) -> None:
        """`groups/{id}`."""
        request = groups_pb.CreateGroupRequest(group=group_pb2.Group(name=name))
        self._groups.CreateGroup(request, metadata=self._server.as_admin, timeout=60)

    def create_account(self, name: str) -> None:
        """`serviceAccounts/{id}`."""
        account = account_pb2.ServiceAccount(name=name)
        request = accounts_pb.CreateServiceAccountRequest(service_account=account)
        self._accounts.CreateServiceAccount(request, metadata=self._server.as_admin, timeout=60)

    def create_key(self, account: str) -> str:
        """An API key's secret."""
        request = accounts_pb.CreateApiKeyRequest(service_account=account)
        answer = self._accounts.CreateApiKey(request, metadata=self._server.as_admin, timeout=60)
        return answer.secret

    def add(self, group: str, member: str) -> None:
        """Puts someone into a group."""
        request = groups_pb.AddMemberRequest(group=group, member=member)
        self._groups.AddMember(request, metadata=self._server.as_admin, timeout=60)

    def grant(
        self,
        path: str,
        role: str,
        subject: str,
        effect: grant_pb2.Effect.ValueType = grant_pb2.EFFECT_UNSPECIFIED,
    ) -> str:
        """Answers `grants/{id}`."""
        request = access_pb.CreateGrantRequest(path=path, role=role, subject=subject, effect=effect)
        answer = self._access.CreateGrant(request, metadata=self._server.as_admin, timeout=60)
        return answer.grant.name

    def take_back(self, grant: str) -> None:
        """Deletes a grant."""
        request = access_pb.DeleteGrantRequest(name=grant)
        self._access.DeleteGrant(request, metadata=self._server.as_admin, timeout=60)

    def exchange(self, key: str) -> str:
        """An access token for an API key."""
        request = auth_pb.ExchangeApiKeyRequest(api_key=key)
        return self._server.auth.ExchangeApiKey(request, timeout=60).tokens.access_token

    def checker_token(self) -> str:
        """Of a service that may ask about everybody, as those do that decisions are for."""
        self.create_account(_CHECKER)
        self.grant("/", "roles/auditor", _CHECKER)
        return self.exchange(self.create_key(_CHECKER))
