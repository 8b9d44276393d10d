"""The `gatehouse` command: it runs the service, and is a client of it like any other."""

import os
import sys

from service.cli.failure import Failed
from service.cli.visible import visible

_INTERRUPTED = 130


def main() -> None:
    """Runs the command. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted."""
    try:
        # Not above: importing takes a moment, in which Ctrl-C may come.
        from service.cli.commands import app

        app(prog_name="gatehouse")
    except Failed as failure:
        sys.stdout.flush()
        for line in str(failure).splitlines():  # several settings may be wrong, a line each
            _complain(line)
        sys.exit(1)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] in {"service", "gatehouse", "gatehouse_client"}:
            raise
        _complain(f"{missing.name} is not installed: install gatehouse[server]")
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has seen enough, such as `head`; say nothing at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _complain(line: str) -> None:
    print(f"gatehouse: {visible(line)}", file=sys.stderr)
