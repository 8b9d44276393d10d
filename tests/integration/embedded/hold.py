"""Holds embedded stores in a process of its own, for tests that kill or interrupt it.

Says what happens in lines of JSON; stops when its standard input ends.
"""

import json
import os
import signal
import sys
from pathlib import Path

import psycopg

from service.embedded import EmbeddedError, EmbeddedStores


def main() -> int:
    stores = EmbeddedStores(Path(sys.argv[1]))

    def interrupted(*_: object) -> None:
        with psycopg.connect(stores.database_url.replace("+psycopg", "")) as connection:
            say(interrupted=connection.execute("SELECT 'and still answers'").fetchone()[0])

    signal.signal(signal.SIGINT, interrupted)
    try:
        stores.start()
    except EmbeddedError as error:
        say(error=str(error))
        return 1
    say(database_url=stores.database_url, redis_url=stores.redis_url)
    sys.stdin.read()
    stores.stop()
    say(stopped=True)
    return 0


def say(**facts: object) -> None:
    # Not through sys.stdout, which a signal handler may find in the middle of a write.
    os.write(1, f"{json.dumps(facts)}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
