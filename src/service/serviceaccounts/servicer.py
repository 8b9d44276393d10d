"""gatehouse.serviceaccounts.v1.ServiceAccountService."""

from gatehouse.serviceaccounts.v1 import service_account_service_pb2 as pb
from gatehouse.serviceaccounts.v1 import service_account_service_pb2_grpc as rpc

from service.kernel import names
from service.kernel.call import Call, Committed
from service.serviceaccounts import convert
from service.serviceaccounts.api_keys import ApiKeyService
from service.serviceaccounts.models import ApiKey, IssuedKey, ServiceAccount
from service.serviceaccounts.service import ServiceAccountService
from service.transport.answers import answers
from service.transport.paging import page_request
from service.transport.times import optional_time


class ServiceAccountServicer(rpc.ServiceAccountServiceServicer):
    """Unpacks, asks the services, packs."""

    def __init__(self, accounts: ServiceAccountService, keys: ApiKeyService) -> None:
        self._accounts = accounts
        self._keys = keys

    @answers(convert.created)
    def CreateServiceAccount(
        self, request: pb.CreateServiceAccountRequest, call: Call
    ) -> Committed[ServiceAccount]:
        return self._accounts.create(call, convert.wanted(request.service_account))

    def GetServiceAccount(
        self, request: pb.GetServiceAccountRequest, call: Call
    ) -> pb.GetServiceAccountResponse:
        found = self._accounts.get(request.name)
        return pb.GetServiceAccountResponse(service_account=convert.service_account(found))

    def ListServiceAccounts(
        self, request: pb.ListServiceAccountsRequest, call: Call
    ) -> pb.ListServiceAccountsResponse:
        page = self._accounts.list(page_request(request))
        return pb.ListServiceAccountsResponse(
            service_accounts=convert.service_accounts(page.items),
            next_page_token=page.next_page_token,
        )

    @answers(convert.updated)
    def UpdateServiceAccount(
        self, request: pb.UpdateServiceAccountRequest, call: Call
    ) -> Committed[ServiceAccount]:
        return self._accounts.update(
            call,
            convert.wanted(request.service_account),
            request.update_mask.paths,
            etag=request.service_account.etag,
        )

    @answers(convert.deleted)
    def DeleteServiceAccount(
        self, request: pb.DeleteServiceAccountRequest, call: Call
    ) -> Committed[None]:
        return self._accounts.delete(call, request.name, etag=request.etag)

    @answers(convert.key_created)
    def CreateApiKey(self, request: pb.CreateApiKeyRequest, call: Call) -> Committed[IssuedKey]:
        return self._keys.create(
            call, request.service_account, request.scopes, optional_time(request, "expire_time")
        )

    def ListApiKeys(self, request: pb.ListApiKeysRequest, call: Call) -> pb.ListApiKeysResponse:
        page = self._keys.list(request.service_account, page_request(request))
        return pb.ListApiKeysResponse(
            api_keys=convert.api_keys(page.items), next_page_token=page.next_page_token
        )

    @answers(convert.key_revoked)
    def RevokeApiKey(self, request: pb.RevokeApiKeyRequest, call: Call) -> Committed[ApiKey]:
        account, key_id = names.api_key_ids(request.name)
        return self._keys.revoke(call, account, key_id)
