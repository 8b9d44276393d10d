"""The background work: what `gatehouse worker` runs, and embedded mode within `serve`."""

from service.auth.token_mails import TokenMails
from service.events.archive import EventArchive
from service.files.contents import Contents
from service.files.reaping import Reaper
from service.files.uploads import Uploads
from service.jobs.archiving import EventArchiver
from service.jobs.housekeeping import add_archiving, add_housekeeping
from service.jobs.mail import add_mail
from service.jobs.queue import Worker, create_queue
from service.jobs.takeover import add_takeover
from service.kernel.clock import Clock
from service.mail.mailer import create_mailer
from service.mail.messages import Messages
from service.settings import Settings
from service.storage.database import Database
from service.users.addressees import Addressees
from service.wiring.services import object_store_of
from service.wiring.stores import Stores
from service.wiring.webhook_work import WebhookWork


class BackgroundWork:
    """The worker and its tasks, with connections of their own; `start` and `stop` once each."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._database = Database(stores.database_url, stores.ring, connections=2)
        store = object_store_of(settings)
        queue = create_queue(stores.database_url)
        add_housekeeping(queue, self._database, Reaper(self._database, store))
        self._contents = Contents(store, stores.ring, encrypt=settings.file_encryption, streams=1)
        if settings.event_retention is not None:
            archive = EventArchive(self._database, settings.event_retention)
            uploads = Uploads(
                self._database,
                Clock(),
                self._contents,
                size_limit=settings.file_size_limit,
                quota=None,
            )
            add_archiving(queue, EventArchiver(archive, uploads, source=settings.issuer))
        mails = TokenMails(
            self._database,
            stores.ring,
            Addressees(stores.ring),
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
        self._webhooks = WebhookWork(settings, stores)

    def start(self) -> None:
        """Starts working the queue off, and sending. Raises Unavailable if PostgreSQL is away."""
        self._webhooks.start()
        self._worker.start()

    def stop(self) -> None:
        """Lets what is running end."""
        self._webhooks.stop()
        self._worker.stop()
        self._contents.stop()
        self._database.dispose()
