"""Webhooks sent a second, and what a receiver that never answers takes from the others."""

from collections.abc import Iterator
from contextlib import contextmanager

from gatehouse.webhooks.v1 import webhook_pb2
from gatehouse.webhooks.v1 import webhook_service_pb2 as pb
from gatehouse.webhooks.v1.webhook_service_pb2_grpc import WebhookServiceStub

from bench.gatehouse import Gatehouse
from bench.load.receiver import DEAD, QUICK, Receiver
from bench.outcome import Outcome
from bench.rounds import Duel, Measured, Side, duel, rate, watched
from bench.stage import Stage
from service.embedded.running import open_stores
from service.groups.models import GroupCreated
from service.kernel.call import Call
from service.storage.database import Database

_MESSAGES, _MESSAGES_QUICK = 720, 180  # in each round to all together, whether to one, nine or ten


class Webhooks:
    """Events that are committed together, until each has come to each of those who answer."""

    name = "webhooks"
    about = "webhooks a second to one and to ten receivers, and beside one that never answers"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Each webhook is signed, and how its delivery went is kept, as ever."""
        messages = _MESSAGES_QUICK if stage.quick else _MESSAGES
        with Gatehouse(WEBHOOK_ALLOW_PRIVATE="true") as server, Receiver() as receiver:
            server.pin()
            site = _Site(server, receiver, messages)
            site.side(quick=10)()
            stage.say("sending webhooks to one receiver, and to ten")
            to_ten = duel(site.side(quick=10), site.side(quick=1), stage.rounds)
            stage.say("sending webhooks beside a receiver that never answers")
            beside = duel(site.side(quick=9, dead=1), site.side(quick=9), stage.rounds)
        return [
            self._outcome("webhooks to ten receivers", "to one", to_ten),
            self._outcome("webhooks to nine, beside one that never answers", "to nine", beside),
        ]

    def _outcome(self, work: str, peer: str, found: Duel) -> Outcome:
        return Outcome(
            self.name,
            work,
            found.ours(rate),
            "a second",
            peer=peer,
            theirs=found.theirs(rate),
            ratio=found.ratio(rate),
            notes=[
                "from the first that came to the last, of events that were committed together",
                "the receivers are one process, beside PostgreSQL; not TLS",
            ],
            rounds=found.as_json(),
            others=found.others,
        )


class _Site:
    """A server, where it sends webhooks to, and how many of them in a round."""

    def __init__(self, server: Gatehouse, receiver: Receiver, messages: int) -> None:
        self._server = server
        self._receiver = receiver
        self._messages = messages
        self._stub = WebhookServiceStub(server.channel)

    def side(self, *, quick: int, dead: int = 0) -> Side:
        """Sends to so many that answer at once, and to so many that never do."""

        def send() -> Measured:
            with self._webhooks([QUICK] * quick + [DEAD] * dead):
                self._commit(self._messages // quick)
                return self._receiver.took(self._messages)

        return watched(self._server.pid, send)

    @contextmanager
    def _webhooks(self, paths: list[str]) -> Iterator[None]:
        """Those there are in the block, each with a path of its own."""
        made = []
        for number, path in enumerate(paths):
            webhook = webhook_pb2.Webhook(
                url=f"{self._receiver.url}{path}/{number}", event_types=[GroupCreated.type]
            )
            request = pb.CreateWebhookRequest(webhook=webhook)
            answer = self._stub.CreateWebhook(request, metadata=self._server.as_admin, timeout=60)
            made.append(answer.webhook.name)
        yield
        for name in made:
            delete = pb.DeleteWebhookRequest(name=name)
            self._stub.DeleteWebhook(delete, metadata=self._server.as_admin, timeout=60)

    def _commit(self, events: int) -> None:
        """So many events in one transaction."""
        with open_stores(self._server.data_dir) as stores:
            database = Database(stores.database_url, self._server.ring, connections=1)
            with database.transaction(Call.internal("bench")) as tx:
                for number in range(events):
                    tx.record(GroupCreated(f"groups/{number}"))
                tx.commit(None)
            database.dispose()
