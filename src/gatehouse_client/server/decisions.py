"""Who may do what where: asked of Gatehouse, and remembered for a moment."""

import threading
from time import monotonic

from gatehouse.access.v1 import access_service_pb2 as pb
from gatehouse.access.v1.access_service_pb2_grpc import AccessServiceStub
from gatehouse.access.v1.consistency_pb2 import Consistency

from gatehouse_client.server.asking import asking
from gatehouse_client.server.feed import RevocationFeed

# The feed says when a decision may have changed, but for a grant that expires: that is no news to
# anyone. So a decision is believed no longer than Gatehouse believes what it remembers itself.
_BELIEVED = 3.0
_REMEMBERED = 10_000
_PATIENCE = 5.0

Question = tuple[str, str, str]


class Decisions:
    """Decisions about subject, permission and path. Safe to use from any thread."""

    def __init__(self, service: AccessServiceStub) -> None:
        self._service = service
        self._kept: dict[Question, tuple[float, bool]] = {}
        self._dropped = 0
        self._lock = threading.Lock()

    def known(self, question: Question) -> bool | None:
        """The decision if it is remembered."""
        found = self._kept.get(question)
        return found[1] if found is not None and monotonic() < found[0] else None

    def ask(self, question: Question, feed: RevocationFeed, seconds: float | None) -> bool:
        """The decision, remembered or asked for; that takes at most so many seconds, or five.

        Raises Refused when Gatehouse does not answer.
        """
        if (known := self.known(question)) is not None:
            return known
        dropped, revision, asked = self._dropped, feed.revision, monotonic()
        subject, permission, path = question
        request = pb.CheckAccessRequest(subject=subject, permission=permission, path=path)
        if revision:
            # The answer may come from another server than the feed does, and must not be older:
            # it would be remembered after the feed had told us to forget it.
            request.consistency.CopyFrom(Consistency(at_least_as_fresh=revision))
        patience = _PATIENCE if seconds is None else min(seconds, _PATIENCE)
        with asking("CheckAccess"):
            allowed = self._service.CheckAccess(request, timeout=patience).allowed
        with self._lock:
            if dropped == self._dropped:
                while len(self._kept) >= _REMEMBERED:
                    del self._kept[next(iter(self._kept))]
                self._kept.pop(question, None)  # so that the oldest stand first
                self._kept[question] = (asked + _BELIEVED, allowed)
        return allowed

    def drop(self) -> None:
        """Forgets all decisions, those being asked for as well."""
        with self._lock:
            self._dropped += 1
            self._kept.clear()
