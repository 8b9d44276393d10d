"""Two `gatehouse serve` processes on the same stores."""

from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from service.wiring import Stores
from tests.support.databases import RING_KEY
from tests.support.house import ADMIN_EMAIL, Site
from tests.support.process import ServerProcess


@contextmanager
def two_servers(stores: Stores, folder: Path) -> Iterator[tuple[Site, Site]]:
    """Both are started at once, whatever is in the database."""
    with ExitStack() as running, ThreadPoolExecutor(2) as pool:
        both = [server_process(stores, folder / name) for name in ("one", "two")]
        started = [pool.submit(one.start) for one in both]
        for one in both:
            running.callback(one.close)
        first, second = (one.result() for one in started)
        yield first, second


def server_process(stores: Stores, folder: Path) -> ServerProcess:
    """One that is still to be started."""
    return ServerProcess(
        folder,
        DATABASE_URL=stores.database_url.replace("+psycopg", ""),
        REDIS_URL=stores.redis_url,
        ENCRYPTION_KEYS=b64encode(RING_KEY).decode(),
        BOOTSTRAP_ADMIN_EMAIL=ADMIN_EMAIL,
    )
