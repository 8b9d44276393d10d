"""Holds embedded stores in a process of its own, for tests that kill or interrupt it.

Says what happens in lines of JSON; stops when its standard input ends.
"""

import json
import os
import sys
from pathlib import Path

import psycopg

from service.embedded import EmbeddedError, EmbeddedStores


def main() -> int:
    stores = EmbeddedStores(Path(os.fsdecode(sys.argv[1])))
    try:
        stores.start()
    except EmbeddedError as error:
        say(error=str(error))
        return 1
    say(database_url=stores.database_url, redis_url=stores.redis_url)
    while True:
        try:
            sys.stdin.read()
            break
        except KeyboardInterrupt:
            url = stores.database_url.replace("+psycopg", "")
            with psycopg.connect(url) as connection:
                say(interrupted=connection.execute("SELECT 'and still answers'").fetchone()[0])
    stores.stop()
    say(stopped=True)
    return 0


def say(**facts: object) -> None:
    sys.stdout.write(f"{json.dumps(facts)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
