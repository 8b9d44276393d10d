"""gatehouse.auth.v1.AuthService."""

from collections.abc import Sequence

from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1 import auth_service_pb2_grpc as rpc

from service.auth import convert
from service.auth.federation import FederationService
from service.auth.mailed_tokens import MailedTokenService
from service.auth.revocation_stream import RevocationStream
from service.auth.service import AuthService
from service.kernel.call import Call, Committed
from service.kernel.changes import Change
from service.transport.answers import answers
from service.transport.watching import Outbox, watches


class AuthServicer(rpc.AuthServiceServicer):
    """Unpacks, asks the service, packs."""

    def __init__(
        self,
        auth: AuthService,
        federation: FederationService,
        mailed_tokens: MailedTokenService,
        revocations: RevocationStream,
    ) -> None:
        self._auth = auth
        self._federation = federation
        self._mailed_tokens = mailed_tokens
        self._revocations = revocations

    def Login(self, request: pb.LoginRequest, call: Call) -> pb.LoginResponse:
        signed_in = self._auth.login(call, request.email, request.password, request.device)
        return pb.LoginResponse(tokens=convert.tokens(signed_in))

    def RefreshToken(self, request: pb.RefreshTokenRequest, call: Call) -> pb.RefreshTokenResponse:
        signed_in = self._auth.refresh(call, request.refresh_token)
        return pb.RefreshTokenResponse(tokens=convert.tokens(signed_in))

    def Logout(self, request: pb.LogoutRequest, call: Call) -> pb.LogoutResponse:
        self._auth.logout(call)
        return pb.LogoutResponse()

    def ExchangeApiKey(
        self, request: pb.ExchangeApiKeyRequest, call: Call
    ) -> pb.ExchangeApiKeyResponse:
        signed_in = self._auth.exchange_api_key(call, request.api_key, request.scopes)
        return pb.ExchangeApiKeyResponse(tokens=convert.tokens(signed_in))

    def ExchangeToken(
        self, request: pb.ExchangeTokenRequest, call: Call
    ) -> pb.ExchangeTokenResponse:
        exchanged = self._auth.exchange(
            call, request.scopes, request.audience, convert.lifetime(request)
        )
        return pb.ExchangeTokenResponse(tokens=convert.tokens(exchanged))

    def IntrospectToken(
        self, request: pb.IntrospectTokenRequest, call: Call
    ) -> pb.IntrospectTokenResponse:
        return convert.introspection(self._auth.introspect(call, request.token))

    def GetJwks(self, request: pb.GetJwksRequest, call: Call) -> pb.GetJwksResponse:
        return convert.jwks(self._auth.verification_keys())

    def WhoAmI(self, request: pb.WhoAmIRequest, call: Call) -> pb.WhoAmIResponse:
        return convert.identity(self._auth.who_am_i(call))

    @answers(convert.password_changed)
    def ChangePassword(self, request: pb.ChangePasswordRequest, call: Call) -> Committed[None]:
        return self._auth.change_password(call, request.current_password, request.new_password)

    def BeginFederatedLogin(
        self, request: pb.BeginFederatedLoginRequest, call: Call
    ) -> pb.BeginFederatedLoginResponse:
        url, state = self._federation.begin(
            call, request.provider, request.redirect_uri, request.code_challenge
        )
        return pb.BeginFederatedLoginResponse(authorization_url=url, state=state)

    def CompleteFederatedLogin(
        self, request: pb.CompleteFederatedLoginRequest, call: Call
    ) -> pb.CompleteFederatedLoginResponse:
        signed_in = self._federation.complete(
            call,
            request.state,
            request.code,
            request.issuer,
            request.code_verifier,
            request.device,
        )
        return pb.CompleteFederatedLoginResponse(tokens=convert.tokens(signed_in))

    def RequestPasswordReset(
        self, request: pb.RequestPasswordResetRequest, call: Call
    ) -> pb.RequestPasswordResetResponse:
        self._mailed_tokens.request_password_reset(call, request.email)
        return pb.RequestPasswordResetResponse()

    def ResetPassword(
        self, request: pb.ResetPasswordRequest, call: Call
    ) -> pb.ResetPasswordResponse:
        self._mailed_tokens.reset_password(call, request.token, request.new_password)
        return pb.ResetPasswordResponse()

    def RequestEmailVerification(
        self, request: pb.RequestEmailVerificationRequest, call: Call
    ) -> pb.RequestEmailVerificationResponse:
        self._mailed_tokens.request_email_verification(call)
        return pb.RequestEmailVerificationResponse()

    def VerifyEmail(self, request: pb.VerifyEmailRequest, call: Call) -> pb.VerifyEmailResponse:
        self._mailed_tokens.verify_email(call, request.token)
        return pb.VerifyEmailResponse()

    @watches
    def WatchRevocations(
        self, request: pb.WatchRevocationsRequest, call: Call, outbox: Outbox
    ) -> None:
        stop = self._revocations.watch(_RevocationWatcher(outbox), request.cursor)
        outbox.on_end(lambda code: stop())


class _RevocationWatcher:
    """A client's stream as the service knows it."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def tell(self, revocations: Sequence[Change], cursor: str, revision: str) -> None:
        self._outbox.put(convert.revocations(revocations, cursor, revision))

    def end(self, error: Exception) -> None:
        self._outbox.end(error)
