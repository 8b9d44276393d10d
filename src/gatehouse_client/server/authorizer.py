"""Whether a call may go on: who calls, is that still true, may they do this here."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import grpc
from gatehouse.access.v1.access_service_pb2_grpc import AccessServiceStub
from gatehouse.auth.v1 import auth_service_pb2 as auth
from gatehouse.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from gatehouse.auth.v1.tokens_pb2 import JsonWebKey

from gatehouse_client.server import paths, refusals
from gatehouse_client.server.asking import asking
from gatehouse_client.server.caller import Caller
from gatehouse_client.server.decisions import Decisions, Question
from gatehouse_client.server.feed import RevocationFeed
from gatehouse_client.server.rules import Guarded, Permission, Rule, Rules, Unlisted
from gatehouse_client.server.streams import OpenStreams
from gatehouse_client.server.verification import UnknownKey, Verifier

_LOOK = 0.5
_KEYS_AGE = 60.0
_PATIENCE = 5.0


class Authorizer:
    """Decides about calls. Each step has a form that never waits for Gatehouse, for asyncio.

    Threads of its own follow revocations and look after keys until `close`.
    """

    def __init__(
        self, channel: grpc.Channel, rules: Mapping[str, Rule], *, issuer: str, audience: str
    ) -> None:
        self.rules = Rules(rules)
        self._auth = AuthServiceStub(channel)
        self.streams = OpenStreams()
        self._verifier = Verifier(self._keys, issuer=issuer, audience=audience)
        self._decisions = Decisions(AccessServiceStub(channel))
        self._feed = RevocationFeed(
            self._auth, on_revision=self._decisions.drop, on_revoked=self.streams.end
        )
        self._closing = threading.Event()
        self._feed.start()
        threading.Thread(target=self._look_after, name="gatehouse-keys", daemon=True).start()

    def close(self) -> None:
        """Ends the threads; from then on nobody is let in."""
        self._closing.set()
        self._feed.stop()

    def authenticate(self, rule: Guarded, metadata: Any) -> Caller:
        """Whom the call speaks for, if the token is good for the method. Raises Refused."""
        token = _token(metadata)
        self._feed.wait()
        self._feed.require_belief()
        return self._accept(rule, self._verifier.verify(token))

    def authenticate_at_once(self, rule: Guarded, metadata: Any) -> Caller | None:
        """The same, or None where Gatehouse must be waited for."""
        token = _token(metadata)
        if not self._feed.begun:
            return None
        try:
            caller = self._verifier.verify_at_once(token)
        except UnknownKey:
            return None
        return self._accept(rule, caller)

    def authorize(self, rule: Guarded, caller: Caller, request: Any, seconds: float | None) -> None:
        """Returns if the caller may do what the rule is about. Raises Refused."""
        self._feed.refuse(caller)  # a stream's first message may have been long in coming
        if isinstance(rule, Permission):
            question = _question(rule, caller, request)
            _require(question, allowed=self._decisions.ask(question, self._feed, seconds))

    def authorize_at_once(self, rule: Guarded, caller: Caller, request: Any) -> bool:
        """The same; False where Gatehouse must be asked."""
        self._feed.refuse(caller)
        if isinstance(rule, Permission):
            question = _question(rule, caller, request)
            allowed = self._decisions.known(question)
            if allowed is None:
                return False
            _require(question, allowed=allowed)
        return True

    def _accept(self, rule: Guarded, caller: Caller) -> Caller:
        self._feed.refuse(caller)
        if isinstance(rule, Unlisted):
            raise refusals.method_not_listed(rule.method)
        if not caller.carries(rule.scope):
            raise refusals.scope_missing(rule.scope)
        return caller

    def _keys(self) -> list[JsonWebKey]:
        with asking("GetJwks"):
            return list(self._auth.GetJwks(auth.GetJwksRequest(), timeout=_PATIENCE).keys)

    def _look_after(self) -> None:
        """Notices a dead connection, and a key that is no longer published."""
        looks = 0
        while not self._closing.wait(_LOOK):
            self._feed.end_if_silent()
            looks += 1
            if looks % round(_KEYS_AGE / _LOOK) == 0:
                with suppress(refusals.Refused):  # those at hand stay good
                    self._verifier.reload()


def _token(metadata: Any) -> str:
    """The one access token in `authorization: Bearer …` (RFC 6750). Raises Refused."""
    found = [value for name, value in metadata or () if name == "authorization"]
    if len(found) == 1 and isinstance(found[0], str):
        scheme, _, token = found[0].partition(" ")
        if scheme.lower() == "bearer" and token:
            return token
    raise refusals.token_missing()


def _question(rule: Permission, caller: Caller, request: Any) -> Question:
    try:
        path = rule.path_of(request)
    except paths.BadPath as error:
        raise refusals.bad_field(error.field, error.problem) from None
    except ValueError as error:
        raise refusals.bad_field("request", str(error)) from None
    return caller.subject, rule.permission, path


def _require(question: Question, *, allowed: bool) -> None:
    if not allowed:
        _, permission, path = question
        raise refusals.permission_missing(permission, path)
