"""The `gatehouse` command."""

import os
import sys

from service.ops.logging import configure_logging, log_format
from service.serving import serve
from service.settings import Settings


def main() -> None:
    settings = Settings.read(os.environ)
    configure_logging(settings.log_format or log_format(sys.stderr), settings.log_level, sys.stderr)
    serve(settings, lambda app, admin: print(app.grpc_port, admin and admin.password, flush=True))
