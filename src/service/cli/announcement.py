"""What `gatehouse serve` tells people once it serves: where, and what to try next."""

import json
import shlex
import shutil
import sys
from pathlib import Path

from rich.text import Text

from service.auth.first_admin import FirstAdmin
from service.cli.listening import reachable
from service.cli.screen import console
from service.settings import Settings
from service.wiring import Application

_DEFAULT_SERVER = "127.0.0.1:50051"
_LOGIN = "gatehouse.auth.v1.AuthService/Login"


class Announcement:
    """Printed to standard output, while the log goes to standard error."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._out = console(sys.stdout)

    def make(self, application: Application, admin: FirstAdmin | None) -> None:
        """Prints it all. The first password is shown here and never again."""
        grpc = reachable(self._settings.grpc_address, application.grpc_port)
        ops = reachable(self._settings.ops_address, application.ops.port)
        tls = self._settings.tls_cert_file is not None
        self._title("Gatehouse is serving")
        self._fact("gRPC", f"{grpc}{'' if tls else ' (plaintext)'}")
        self._fact("ops", f"http{'s' if tls else ''}://{ops}/metrics, /livez, /readyz")
        if self._settings.embedded:
            where = self._settings.data_dir.absolute()
            self._fact("data", f"{where} (PostgreSQL and Valkey of our own)")
            if self._settings.smtp_url is None:
                self._fact("mail", f"{self._settings.mail_folder} (GATEHOUSE_SMTP_URL sends it)")
        email = self._settings.bootstrap_admin_email
        if admin is not None:
            self._title("The first admin")
            self._fact("email", admin.email)
            if self._settings.bootstrap_admin_password is None:
                self._fact("password", f"{admin.password}    shown this once: keep it")
            else:
                self._fact("password", "as GATEHOUSE_BOOTSTRAP_ADMIN_PASSWORD says")
        self._title("Try in another terminal")
        for line in self._lines(str(grpc), email, tls=tls):
            self._out.print(f"  {line}", style="cyan", soft_wrap=True)
        self._out.print()
        sys.stdout.flush()

    def _lines(self, server: str, email: str, *, tls: bool) -> list[str]:
        command = _this_command()
        options = "" if server == _DEFAULT_SERVER else f" --server {server}"
        encryption = "-plaintext"
        if tls:
            options += " --ca-file CA.pem"
            encryption = "-cacert CA.pem"
        elif not reachable(self._settings.grpc_address, 0).is_loopback:
            options += " --plaintext"
        if self._settings.tls_client_ca_file is not None:
            options += " --cert-file CERT.pem --key-file KEY.pem"
            encryption += " -cert CERT.pem -key KEY.pem"
        # Not the password itself: shells keep a history.
        body = shlex.quote(json.dumps({"email": email, "password": "…"}, ensure_ascii=False))
        lines = [
            f"{command} login {shlex.quote(email)}{options}",
            f"{command} whoami{options}",
            f"{command} users list{options}",
        ]
        if self._settings.reflection:
            lines.append(f"{_grpcurl()} {encryption} -d {body} {server} {_LOGIN}")
        return lines

    def _title(self, title: str) -> None:
        self._out.print()
        self._out.print(title, style="bold")

    def _fact(self, name: str, value: str) -> None:
        line = Text.assemble("  ", (f"{name:<10}", "dim"), value)
        self._out.print(line, soft_wrap=True)


def _this_command() -> str:
    """The command as it can be typed again: by its name if that finds it, else by its path."""
    called = Path(sys.argv[0])
    if called.name != "gatehouse":
        return "python -m service"
    found = shutil.which("gatehouse")
    if found and Path(found).samefile(called):
        return "gatehouse"
    return shlex.quote(sys.argv[0])


def _grpcurl() -> str:
    """The same of grpcurl, which may stand beside the command."""
    called = Path(sys.argv[0])
    beside = called.with_name("grpcurl")
    if called.name == "gatehouse" and not shutil.which("grpcurl") and beside.exists():
        return shlex.quote(str(beside))
    return "grpcurl"
