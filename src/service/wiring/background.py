"""The background work: what `gatehouse worker` runs, and embedded mode within `serve`."""

from sys import maxsize

from service.auth.token_mails import TokenMails
from service.events.archive import EventArchive
from service.events.service import EventService
from service.files.contents import Contents
from service.files.reaping import Reaper
from service.files.uploads import Uploads
from service.jobs.archiving import EventArchiver
from service.jobs.housekeeping import add_archiving, add_housekeeping
from service.jobs.mail import add_mail
from service.jobs.queue import Worker, create_queue
from service.jobs.takeover import add_takeover
from service.mail.mailer import create_mailer
from service.mail.messages import Messages
from service.settings import Settings
from service.storage.pages import Pager
from service.users.addressees import Addressees
from service.webhooks.deliveries import Deliveries
from service.webhooks.dispatcher import Dispatcher
from service.webhooks.sender import Sender
from service.wiring.followed import FollowedStores
from service.wiring.services import object_store_of
from service.wiring.stores import Stores

# For two jobs, the dispatcher of webhooks, and each thread of their sender that asks.
_DATABASE_CONNECTIONS = 6
# For each of two wake-ups to listen and to tell.
_REDIS_CONNECTIONS = 4


class BackgroundWork:
    """The worker, its tasks and the sending of webhooks; `start` and `stop` once each."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._stores = followed = FollowedStores(
            stores,
            database_connections=_DATABASE_CONNECTIONS,
            redis_connections=_REDIS_CONNECTIONS,
        )
        ring, clock, database = followed.ring, followed.clock, followed.database

        queue = create_queue(stores.database_url)
        store = object_store_of(settings)
        add_housekeeping(queue, database, Reaper(database, store))
        self._contents = Contents(store, ring, encrypt=settings.file_encryption, streams=1)
        if settings.event_retention is not None:
            archive = EventArchive(database, settings.event_retention)
            # The limits are for what others upload.
            uploads = Uploads(database, clock, self._contents, size_limit=maxsize, quota=None)
            add_archiving(queue, EventArchiver(archive, uploads, source=settings.issuer))
        mails = TokenMails(
            database,
            ring,
            Addressees(ring),
            Messages(
                settings.mail_sender,
                reset_page=settings.password_reset_url,
                verification_page=settings.email_verification_url,
            ),
            create_mailer(settings.smtp_url, settings.mail_folder),
        )
        add_mail(queue, mails)
        add_takeover(queue)
        self._worker = Worker(queue)

        events = EventService(database, Pager(ring))
        deliveries = Deliveries(database, ring, clock, events, issuer=settings.issuer)
        self._sender = Sender(deliveries, allow_private=settings.webhook_allow_private)
        self._dispatcher = Dispatcher(deliveries, self._sender, followed.news_of_events)

    def start(self) -> None:
        """Starts working the queue off, and sending. Raises Unavailable if PostgreSQL is away."""
        self._stores.start()
        self._sender.start()
        self._dispatcher.start()
        self._worker.start()

    def stop(self) -> None:
        """Lets what is on its way arrive, for a few seconds, and what is running end."""
        self._dispatcher.stop()
        self._sender.stop()
        self._worker.stop()
        self._contents.stop()
        self._stores.stop()
