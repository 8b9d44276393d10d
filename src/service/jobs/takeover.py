"""Taking up again what a worker had begun when it was killed."""

import procrastinate
import structlog
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

log = structlog.get_logger("gatehouse.housekeeping")

_EVERY_MINUTE = "* * * * *"


def add_takeover(queue: procrastinate.App) -> None:
    """Adds the periodic task that puts jobs back whose worker has shown no life for 30 s.

    So each job is done at least once, and may be done twice.
    """

    @queue.periodic(cron=_EVERY_MINUTE)
    @queue.task(name="take_over", queueing_lock="take_over", pass_context=False)
    async def take_over(timestamp: int) -> None:  # noqa: ARG001 - every periodic task is given it
        jobs = queue.job_manager
        for job in await jobs.get_stalled_jobs():
            try:
                await jobs.retry_job(job)
            except UniqueViolation:  # a periodic task, which waits for its next turn already
                await jobs.finish_job(job, Status.ABORTED, delete_job=True)
            log.warning("a job is taken up again", task=job.task_name)
