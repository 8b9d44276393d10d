"""The table of settings, and how they are read.

Each comes from the environment variable `GATEHOUSE_<NAME>`, else from the lower-case key in the
TOML file that `GATEHOUSE_CONFIG` names, else it has its default. Plain dataclasses, because
pydantic-settings costs a worker 9 MB and 50 ms and every one of its messages would be replaced.
"""

# ruff: noqa: RUF009 - defaults are read once, on purpose: from their text, as any other value.

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from email.headerregistry import Address as Sender
from pathlib import Path
from typing import Any

from service.auth.providers import Provider
from service.kernel.crypto import KeyRing
from service.mail.smtp import SmtpServer
from service.settings import values
from service.settings.providers import providers, sharing_redirects
from service.settings.values import Address, Rate

_PREFIX = "GATEHOUSE_"
_CONFIG = "GATEHOUSE_CONFIG"

# The command's own as a client (`gatehouse whoami`), which may stand in the same shell.
_CLIENT = {f"{_PREFIX}{name}" for name in ("SERVER", "CA_FILE", "CERT_FILE", "KEY_FILE")}

# Kubernetes sets these in every pod beside a Service named gatehouse or gatehouse-…
_SERVICE_LINK = re.compile(
    r"GATEHOUSE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)"
)


class BadSetting(Exception):
    """Settings that cannot be used: one line for each, no secret in any."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))


def _setting(
    read: Callable[[str], Any], default: str | None, *, secret: bool = False, array: bool = False
) -> Any:
    value = None if default is None else read(default)
    metadata = {"read": read, "secret": secret, "array": array}
    return field(default=value, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings. None is unset without a default; secrets stay out of the repr."""

    grpc_address: Address = _setting(values.address, "127.0.0.1:50051")
    ops_address: Address = _setting(values.address, "127.0.0.1:9464")
    data_dir: Path = _setting(Path, ".gatehouse")
    database_url: str | None = _setting(values.url("postgresql"), None, secret=True)
    redis_url: str | None = _setting(values.url("redis", "rediss", "unix"), None, secret=True)
    bootstrap_admin_email: str = _setting(values.email, "admin@gatehouse.local")
    bootstrap_admin_password: str | None = _setting(str, None, secret=True)
    tls_cert_file: Path | None = _setting(Path, None)
    tls_key_file: Path | None = _setting(Path, None)
    tls_client_ca_file: Path | None = _setting(Path, None)
    allow_plaintext: bool = _setting(values.switch, "off")
    workers: int = _setting(values.one_worker, "1")
    issuer: str = _setting(values.issuer, "https://gatehouse.local")
    audience: str = _setting(values.word, "gatehouse")
    access_token_lifetime: timedelta = _setting(values.duration("10s", "24h"), "10m")
    refresh_token_lifetime: timedelta = _setting(values.duration("1m", "3650d"), "14d")
    session_lifetime: timedelta = _setting(values.duration("1m", "3650d"), "90d")
    refresh_grace: timedelta = _setting(values.duration("0s", "1m"), "10s")
    audit_tokens: bool = _setting(values.switch, "off")
    event_retention: timedelta | None = _setting(values.duration("1d", "36500d"), None)
    bcrypt_cost: int = _setting(values.whole(4, 20), "12")
    login_rate: Rate = _setting(values.rate, "60/minute")
    rate_limit: Rate | None = _setting(values.rate, None)
    drain_wait: timedelta = _setting(values.duration("0s", "10m"), "5s")
    drain_grace: timedelta = _setting(values.duration("0s", "10m"), "20s")
    encryption_keys: KeyRing | None = _setting(KeyRing.parse, None, secret=True)
    # Hidden when it is refused, since what is refused may hold a password.
    file_store_url: str | None = _setting(values.file_store, None, secret=True)
    file_encryption: bool = _setting(values.switch, "off")
    file_size_limit: int = _setting(values.size("1B", "256GiB"), "5GiB")
    file_quota: int | None = _setting(values.size("1B", "1PiB"), None)
    oidc_providers: tuple[Provider, ...] | None = _setting(providers, None, secret=True, array=True)
    # The URL may hold a password.
    smtp_url: SmtpServer | None = _setting(SmtpServer.parse, None, secret=True)
    mail_from: Sender | None = _setting(values.sender, None)
    password_reset_url: str | None = _setting(values.page, None)
    email_verification_url: str | None = _setting(values.page, None)
    webhook_allow_private: bool = _setting(values.switch, "off")
    reflection: bool = _setting(values.switch, "on")
    channelz: bool = _setting(values.switch, "off")
    log_format: str | None = _setting(values.one_of("console", "json"), None)
    log_level: str = _setting(values.one_of("debug", "info", "warning", "error"), "info")

    @property
    def embedded(self) -> bool:
        """Whether PostgreSQL and Valkey are started here, from the installed packages."""
        return self.database_url is None

    @property
    def file_store(self) -> str:
        """Where files' contents are kept: `file:///folder` or `s3://bucket/prefix`."""
        return self.file_store_url or (self.data_dir.absolute() / "files").as_uri()

    @property
    def mail_sender(self) -> Sender:
        """Whom mail is from."""
        return self.mail_from or values.sender("Gatehouse <gatehouse@localhost>")

    @property
    def mail_folder(self) -> Path:
        """Where mail is written to without an SMTP server."""
        return self.data_dir.absolute() / "mail"

    @property
    def warnings(self) -> list[str]:
        """What works and yet should not stay so; for the log, once."""
        found = [
            f"{_PREFIX}OIDC_PROVIDERS: {one} and {other} share a redirect URI: with one of its own"
            " neither can get at the other's codes (docs/federation.md)"
            for one, other in sharing_redirects(self.oidc_providers or ())
        ]
        if self.bcrypt_cost < 10:
            found.append(
                f"{_PREFIX}BCRYPT_COST is {self.bcrypt_cost}: under 10, hashes are guessed fast"
            )
        return found

    @staticmethod
    def read(environ: Mapping[str, str]) -> "Settings":
        """The settings of this environment. Raises BadSetting."""
        problems: list[str] = []
        given = _from_file(environ, problems) | _from_environment(environ, problems)
        found = dict(_values(given, problems))
        if problems:
            raise BadSetting(problems)
        settings = Settings(**found)
        if problems := list(_conflicts(settings)):
            raise BadSetting(problems)
        if settings.embedded and "drain_wait" not in found:
            # No balancer watches an embedded server, so there is none to wait for.
            settings = replace(settings, drain_wait=timedelta(0))
        return settings


_METADATA = {it.name: it.metadata for it in fields(Settings)}

# By setting: how a message names the place it comes from, and what stood there.
_Given = dict[str, tuple[str, object]]


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> _Given:
    known = {f"{_PREFIX}{name.upper()}": name for name in _METADATA}
    for variable in sorted(environ.keys() - known.keys() - _CLIENT - {_CONFIG}):
        if variable.startswith(_PREFIX) and not _SERVICE_LINK.fullmatch(variable):
            # Without the prefix, by which any two are alike.
            name = variable.removeprefix(_PREFIX)
            written = {it: _variable(it) for it in (*_METADATA, "config")}
            problems.append(_no_setting(_shown(variable), name, written))
    return {known[name]: (name, environ[name]) for name in known if name in environ}


def _from_file(environ: Mapping[str, str], problems: list[str]) -> _Given:
    path = environ.get(_CONFIG)
    if path is None:
        return {}
    try:
        content = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        problems.append(f"{_CONFIG} is {_shown(path)}: it takes a TOML file ({why})")
        return {}
    for key in sorted(content.keys() - _METADATA.keys()):
        written = {it: it for it in _METADATA}
        problems.append(_no_setting(f"{_shown(key)} in {path}", key, written))
    return {key: (f"{key} in {path}", content[key]) for key in content if key in _METADATA}


def _no_setting(place: str, name: str, written: Mapping[str, str]) -> str:
    """Says so, and which was probably meant if one is much like it; `written` as it is there."""
    alike = get_close_matches(name.lower(), written, n=1, cutoff=0.6)
    hint = f"the nearest is {written[alike[0]]}" if alike else "the README lists all"
    return f"{place} is no setting: {hint}"


def _values(given: _Given, problems: list[str]) -> Iterator[tuple[str, Any]]:
    """The values by setting, without those that are not taken."""
    for name, (place, value) in given.items():
        known = _METADATA[name]
        try:
            text = _json(value) if known["array"] else _text(value)
            yield name, known["read"](text)
        except ValueError as error:
            shown = "(hidden)" if known["secret"] else _shown(value)
            problems.append(f"{place} is {shown}: it takes {str(error).removeprefix('takes ')}")


def _text(value: object) -> str:
    """A value as the environment would have it; TOML has switches and numbers of its own."""
    if isinstance(value, bool | int):
        value = str(value).lower()
    if not isinstance(value, str):
        raise ValueError("a string, a whole number, true or false")
    if not value or "\0" in value:
        raise ValueError("something; leave it out for the default")
    return value


def _json(value: object) -> str:
    """The same of a setting that is an array: in TOML it is one, elsewhere its JSON."""
    return json.dumps(value, default=str) if isinstance(value, list) else _text(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:299]}…"


_BESIDE = (
    ("database_url", "redis_url"),
    ("redis_url", "database_url"),
    ("database_url", "encryption_keys"),
    ("tls_cert_file", "tls_key_file"),
    ("tls_key_file", "tls_cert_file"),
    ("tls_client_ca_file", "tls_cert_file"),
    ("smtp_url", "mail_from"),
)
_AT_MOST = (
    ("refresh_grace", "access_token_lifetime"),
    ("access_token_lifetime", "refresh_token_lifetime"),
    ("refresh_token_lifetime", "session_lifetime"),
)


def _conflicts(settings: Settings) -> Iterator[str]:
    """What cannot stand beside each other."""
    for name, other in _BESIDE:
        if getattr(settings, name) is not None and getattr(settings, other) is None:
            yield f"{_variable(name)} is set: it takes {_variable(other)} beside it"
    if settings.tls_cert_file is None and not settings.allow_plaintext:
        for name in ("grpc_address", "ops_address"):
            address = getattr(settings, name)
            if not address.is_loopback:
                yield (
                    f"{_variable(name)} is '{address}': off loopback it takes"
                    f" {_PREFIX}TLS_CERT_FILE, or {_PREFIX}ALLOW_PLAINTEXT=true"
                )
    for name, other in _AT_MOST:
        length, most = getattr(settings, name), getattr(settings, other)
        if length > most:
            yield (
                f"{_variable(name)} is '{values.in_words(length)}': it takes at most"
                f" {_variable(other)}, '{values.in_words(most)}'"
            )


def _variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"
