"""Protects a `grpc.server`."""

import logging
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, NoReturn

import grpc

from gatehouse_client.server import refusals
from gatehouse_client.server.authorizer import Authorizer
from gatehouse_client.server.caller import Caller, remember
from gatehouse_client.server.handlers import Handler, behavior_of, with_behavior
from gatehouse_client.server.rules import Guarded, Permission, Public, Rule

log = logging.getLogger("gatehouse_client")


class AuthInterceptor(grpc.ServerInterceptor):
    """Lets nobody through to a service but whom Gatehouse and the rules allow.

    `channel` leads to Gatehouse and speaks for this service, which needs `revocations.read` on
    `/revocations` and `access.check` on the paths it asks about, with the scopes `auth:read` and
    `access:read`. `rules` say what each method needs, by full name or `/package.Service/*`; a
    method without one is denied. `issuer` and `audience` are those that tokens must have.

    Refused calls end with UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT (the request makes
    no path) or UNAVAILABLE, with google.rpc.Status details. UNAVAILABLE is everybody's answer when
    Gatehouse has not been heard for five seconds: somebody may have been revoked meanwhile.

    A call is decided when it begins. A stream that is open when its caller's session, subject or
    token is revoked is cancelled; one whose token expires is not.

    Raises ValueError for rules that are none.
    """

    def __init__(
        self, channel: grpc.Channel, rules: Mapping[str, Rule], *, issuer: str, audience: str
    ) -> None:
        self._authorizer = Authorizer(channel, rules, issuer=issuer, audience=audience)

    def close(self) -> None:
        """Stops following Gatehouse; from then on nobody is let in."""
        self._authorizer.close()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """gRPC calls this on its one serving thread, so all the work is left to the handler."""
        handler = continuation(handler_call_details)
        rule = self._authorizer.rules.find(handler_call_details.method)
        if handler is None or isinstance(rule, Public):
            return handler
        return with_behavior(handler, self._guarded(handler, rule))

    def _guarded(self, handler: Handler, rule: Guarded) -> Callable[..., Any]:
        inner = behavior_of(handler)

        # A third argument is what gRPC's non-blocking handlers answer with.
        def behavior(given: Any, context: grpc.ServicerContext, *answer: Any) -> Any:
            given = self._admit(handler, rule, given, context)
            return inner(given, context, *answer)

        return behavior

    def _admit(
        self, handler: Handler, rule: Guarded, given: Any, context: grpc.ServicerContext
    ) -> Any:
        """What the handler is given, and the current caller; or the call is ended."""
        metadata = context.invocation_metadata()
        request_id = refusals.request_id_of(dict(metadata))
        try:
            caller = self._authorizer.authenticate(rule, metadata)
            if handler.request_streaming or handler.response_streaming:
                self._end_when_revoked(caller, context)
            first, given = self._first(handler, rule, given)
            self._authorizer.authorize(rule, caller, first, context.time_remaining())
        except refusals.Refused as refused:
            _abort(context, refused, request_id)
        except Exception:
            if not context.is_active():
                raise  # the client has gone while its first message was awaited
            log.exception("a call cannot be decided, request id %s", request_id)
            _abort(context, refusals.fault(request_id), request_id)
        remember(caller)
        return given

    def _end_when_revoked(self, caller: Caller, context: grpc.ServicerContext) -> None:
        forget = self._authorizer.streams.opened(caller, context.cancel)
        if not context.add_callback(forget):
            forget()

    def _first(self, handler: Handler, rule: Guarded, given: Any) -> tuple[Any, Any]:
        """The message that the path is made of, and what the handler is given."""
        if not handler.request_streaming:
            return given, given
        if not (isinstance(rule, Permission) and rule.needs_request):
            return None, given
        first = next(given, None)
        if first is None:
            raise refusals.no_first_message()
        return first, chain([first], given)


def _abort(context: grpc.ServicerContext, refused: refusals.Refused, request_id: str) -> NoReturn:
    """Ends the call. Raises what gRPC raises for that."""
    context.set_trailing_metadata(refused.trailers(request_id))
    context.abort(refused.code, refused.message)
