"""gatehouse.sessions.v1.SessionService."""

from gatehouse.sessions.v1 import session_service_pb2 as pb
from gatehouse.sessions.v1 import session_service_pb2_grpc as rpc

from service.kernel import names
from service.kernel.call import Call, Committed
from service.sessions import convert
from service.sessions.models import Session
from service.sessions.service import SessionService
from service.transport.answers import answers
from service.transport.paging import page_request


class SessionServicer(rpc.SessionServiceServicer):
    """Unpacks, asks the service, packs."""

    def __init__(self, sessions: SessionService) -> None:
        self._sessions = sessions

    def ListSessions(self, request: pb.ListSessionsRequest, call: Call) -> pb.ListSessionsResponse:
        subject = call.subject(request.subject)
        page = self._sessions.list(call, subject, page_request(request, subject))
        return pb.ListSessionsResponse(
            sessions=convert.sessions(page.items), next_page_token=page.next_page_token
        )

    def GetSession(self, request: pb.GetSessionRequest, call: Call) -> pb.GetSessionResponse:
        found = self._sessions.get(call, names.session_id(request.name))
        return pb.GetSessionResponse(session=convert.session(found))

    @answers(convert.revoked)
    def RevokeSession(self, request: pb.RevokeSessionRequest, call: Call) -> Committed[Session]:
        return self._sessions.revoke(call, names.session_id(request.name))

    @answers(convert.all_revoked)
    def RevokeAllSessions(self, request: pb.RevokeAllSessionsRequest, call: Call) -> Committed[int]:
        return self._sessions.revoke_all(call, call.resolve(request.subject))
