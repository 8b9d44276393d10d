"""gatehouse.access.v1.AccessService."""

from gatehouse.access.v1 import access_service_pb2 as pb
from gatehouse.access.v1 import access_service_pb2_grpc as rpc

from service.access import convert
from service.access.models import Grant
from service.access.service import AccessService
from service.kernel import names
from service.kernel.call import Call, Committed
from service.transport.answers import answers
from service.transport.paging import page_request


class AccessServicer(rpc.AccessServiceServicer):
    """Unpacks, asks the service, packs."""

    def __init__(self, access: AccessService) -> None:
        self._access = access

    @answers(convert.created)
    def CreateGrant(self, request: pb.CreateGrantRequest, call: Call) -> Committed[Grant]:
        return self._access.create_grant(call, convert.new_grant(request, call))

    @answers(convert.deleted)
    def DeleteGrant(self, request: pb.DeleteGrantRequest, call: Call) -> Committed[None]:
        return self._access.delete_grant(call, names.grant_id(request.name))

    def ListGrants(self, request: pb.ListGrantsRequest, call: Call) -> pb.ListGrantsResponse:
        which = convert.grant_filter(request, call)
        page = page_request(request, which.subject)
        freshness = convert.freshness(request.consistency)
        return convert.grants(self._access.list_grants(call, which, page, freshness))

    def CheckAccess(self, request: pb.CheckAccessRequest, call: Call) -> pb.CheckAccessResponse:
        freshness = convert.freshness(request.consistency)
        return convert.checked(self._access.check(call, [convert.check(request, call)], freshness))

    def BatchCheckAccess(
        self, request: pb.BatchCheckAccessRequest, call: Call
    ) -> pb.BatchCheckAccessResponse:
        checks = [convert.check(one, call) for one in request.checks]
        freshness = convert.freshness(request.consistency)
        return convert.batch_checked(self._access.check(call, checks, freshness))

    def ListAccess(self, request: pb.ListAccessRequest, call: Call) -> pb.ListAccessResponse:
        subject = call.subject(request.subject)
        page = page_request(request, subject)
        freshness = convert.freshness(request.consistency)
        under = convert.under(request)
        return convert.reached(
            self._access.list_access(call, subject, request.permission, under, page, freshness)
        )

    def ListSubjects(self, request: pb.ListSubjectsRequest, call: Call) -> pb.ListSubjectsResponse:
        return convert.holders(
            self._access.list_subjects(
                request.permission,
                request.path,
                page_request(request),
                convert.freshness(request.consistency),
                expand_groups=request.expand_groups,
            )
        )

    def ExplainAccess(
        self, request: pb.ExplainAccessRequest, call: Call
    ) -> pb.ExplainAccessResponse:
        question = convert.check(request, call)
        freshness = convert.freshness(request.consistency)
        return convert.explained(self._access.explain(call, question, freshness))
