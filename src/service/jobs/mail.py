"""Sending mail, again for about an hour where the mail server is away."""

import procrastinate
import structlog
from procrastinate.jobs import Job

from service.auth.mail_requests import TASK
from service.auth.token_mails import TokenMails
from service.kernel.crypto import CannotOpen
from service.kernel.errors import Conflict, Unavailable
from service.mail.errors import NotSent, Refused

log = structlog.get_logger("gatehouse.mail")

_WAITS = [15 * 2**attempt for attempt in range(8)]  # seconds; 64 minutes in all


class _AgainLater(procrastinate.BaseRetryStrategy):
    def get_retry_decision(
        self, *, exception: BaseException, job: Job
    ) -> procrastinate.RetryDecision | None:
        if isinstance(exception, NotSent | Conflict | Unavailable) and job.attempts < len(_WAITS):
            return procrastinate.RetryDecision(retry_in={"seconds": _WAITS[job.attempts]})
        return None


def add_mail(queue: procrastinate.App, mails: TokenMails) -> None:
    """Adds the task. What is given up ends well for the queue, which keeps nothing of it then."""

    @queue.task(name=TASK, retry=_AgainLater(), pass_context=True)
    def send_mailed_token(context: procrastinate.JobContext, sealed: str) -> None:
        job, attempts = context.job.id, context.job.attempts
        assert job is not None  # noqa: S101 - jobs that are run have one
        try:
            mails.send(job, sealed)
        except (Refused, CannotOpen) as error:
            log.error("a mail was given up", why=str(error), attempts=attempts + 1)
        except NotSent as error:
            if attempts >= len(_WAITS):
                log.error("a mail was given up", why=str(error), attempts=attempts + 1)
                return
            log.warning("a mail is to be sent again", why=str(error), seconds=_WAITS[attempts])
            raise
