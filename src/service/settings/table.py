"""What an operator may set: read once at the start, refused in words, handed down by wiring.

Each setting comes from the environment variable `GATEHOUSE_<NAME>`, else from the lower-case key in
the TOML file that `GATEHOUSE_CONFIG` names, else it has its default. Plain dataclasses, because
pydantic-settings costs each worker 9 MB and 50 ms and its error texts would all be replaced.
"""

# ruff: noqa: RUF009 - each default is read from its text, once, like any other value.

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from service.kernel.crypto import KeyRing

_PREFIX = "GATEHOUSE_"
_CONFIG = "GATEHOUSE_CONFIG"

# Kubernetes sets these in every pod beside a Service named gatehouse or gatehouse-…
_SERVICE_LINK = re.compile(
    r"GATEHOUSE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)"
)


class BadSetting(Exception):
    """Settings that cannot be used: one line for each, no secret in any."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens. Port 0 asks the system for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; names other than localhost may mean anything."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in any `seconds`."""

    count: int
    seconds: int


# Readers: from text to a value; ValueError says what the setting takes, never what it was given.


def _address(text: str) -> Address:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)]|([\w.-]+)):(\d{1,5})", text, re.ASCII)
    if not match or int(match[3]) > 65535 or (match[1] and not _is_ipv6(match[1])):
        raise ValueError("host:port, such as 127.0.0.1:50051 or [::1]:0")
    return Address(match[1] or match[2], int(match[3]))


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6
    except ValueError:
        return False


def _switch(text: str) -> bool:
    found = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
    if text.lower() not in found:
        raise ValueError("true or false")
    return found[text.lower()]


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _one_worker(text: str) -> int:
    if text != "1":
        raise ValueError("1; more than one worker process is not supported yet")
    return 1


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text.lower()

    return read


_DURATION = re.compile(
    r"(?=\d)(?:(?P<days>\d{1,6})d)?(?:(?P<hours>\d{1,6})h)?(?:(?P<minutes>\d{1,6})m(?!s))?"
    r"(?:(?P<seconds>\d{1,9})s)?(?:(?P<milliseconds>\d{1,9})ms)?",
    re.ASCII,
)


def _duration(least: str, most: str) -> Callable[[str], timedelta]:
    """Reads `10m`, `90d`, `1h30m`, `500ms`; the larger unit first."""
    bounds = _length(least), _length(most)

    def read(text: str) -> timedelta:
        try:
            length = _length(text)
        except ValueError:
            length = None
        if length is None or not bounds[0] <= length <= bounds[1]:
            raise ValueError(f"a duration from {least} to {most}, such as 90d, 1h30m or 500ms")
        return length

    return read


def _length(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError("a duration")
    return timedelta(**{unit: int(count) for unit, count in match.groupdict(default="0").items()})


def _rate(text: str) -> Rate:
    match = re.fullmatch(r"([1-9][0-9]{0,8})/(second|minute|hour|day)", text)
    if not match:
        raise ValueError("a count per second, minute, hour or day, such as 60/minute")
    lengths = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
    return Rate(int(match[1]), lengths[match[2]])


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            port = 0
            parts = urlsplit("")
        rest = text.removeprefix(f"{parts.scheme}://")
        if port == 0 or parts.scheme not in schemes or rest in ("", text) or not _is_one_word(text):
            raise ValueError(f"a URL that begins with {' or '.join(f'{it}://' for it in schemes)}")
        return text

    return read


def _issuer(text: str) -> str:
    """An issuer (RFC 8414) is compared letter by letter, so it is kept as it was given."""
    try:
        parts = urlsplit(text)
        host = Address(parts.hostname or "", parts.port or 0)
    except ValueError:
        host = Address("", 0)
    safe = text.startswith("https://") or (text.startswith("http://") and host.is_loopback)
    if not (host.host and safe and _is_one_word(text)) or re.search(r"[?#@]", text):
        raise ValueError("an https:// URL without user, query or fragment (http:// on loopback)")
    return text


def _email(text: str) -> str:
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,189}", text) or not text.isprintable():
        raise ValueError("an e-mail address")
    return text


def _word(text: str) -> str:
    if not _is_one_word(text) or len(text) > 255:
        raise ValueError("printable text without spaces")
    return text


def _is_one_word(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _setting(read: Callable[[str], Any], default: str | None, *, secret: bool = False) -> Any:
    value = None if default is None else read(default)
    return field(default=value, repr=not secret, metadata={"read": read, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings; what is unset without a default is None. The contract tells what each means."""

    grpc_address: Address = _setting(_address, "127.0.0.1:50051")
    ops_address: Address = _setting(_address, "127.0.0.1:9464")
    data_dir: Path = _setting(Path, ".gatehouse")
    database_url: str | None = _setting(_url("postgresql"), None, secret=True)
    redis_url: str | None = _setting(_url("redis", "rediss", "unix"), None, secret=True)
    bootstrap_admin_email: str = _setting(_email, "admin@gatehouse.local")
    bootstrap_admin_password: str | None = _setting(str, None, secret=True)
    tls_cert_file: Path | None = _setting(Path, None)
    tls_key_file: Path | None = _setting(Path, None)
    tls_client_ca_file: Path | None = _setting(Path, None)
    allow_plaintext: bool = _setting(_switch, "false")
    workers: int = _setting(_one_worker, "1")
    issuer: str = _setting(_issuer, "https://gatehouse.local")
    audience: str = _setting(_word, "gatehouse")
    access_token_lifetime: timedelta = _setting(_duration("10s", "24h"), "10m")
    refresh_token_lifetime: timedelta = _setting(_duration("1m", "3650d"), "14d")
    session_lifetime: timedelta = _setting(_duration("1m", "3650d"), "90d")
    refresh_grace: timedelta = _setting(_duration("0s", "1m"), "10s")
    bcrypt_cost: int = _setting(_whole(4, 20), "12")
    login_rate: Rate = _setting(_rate, "60/minute")
    rate_limit: Rate | None = _setting(_rate, None)
    drain_wait: timedelta = _setting(_duration("0s", "10m"), "5s")
    drain_grace: timedelta = _setting(_duration("0s", "10m"), "20s")
    encryption_keys: KeyRing | None = _setting(KeyRing.parse, None, secret=True)
    reflection: bool = _setting(_switch, "on")
    channelz: bool = _setting(_switch, "off")
    log_format: str | None = _setting(_one_of("console", "json"), None)
    log_level: str = _setting(_one_of("debug", "info", "warning", "error"), "info")

    @property
    def embedded(self) -> bool:
        """Whether PostgreSQL and Valkey are started here, from the installed packages."""
        return self.database_url is None

    @property
    def warnings(self) -> list[str]:
        """What works and yet should not stay so; for the log, once."""
        if self.bcrypt_cost < 10:
            return [
                f"{_PREFIX}BCRYPT_COST is {self.bcrypt_cost}: under 10, hashes are guessed fast"
            ]
        return []

    @staticmethod
    def read(environ: Mapping[str, str]) -> "Settings":
        """The settings of this environment. Raises BadSetting."""
        problems: list[str] = []
        values: dict[str, Any] = {}
        given = _from_environment(environ, problems)
        for name, (label, text) in {**_from_file(environ, problems), **given}.items():
            values.update(_value(name, label, text, problems))
        if not problems:
            settings = Settings(**values)
            if settings.embedded and "drain_wait" not in values:
                # No balancer watches embedded mode, so there is none to wait for.
                settings = Settings(**values, drain_wait=timedelta(0))
            problems.extend(_conflicts(settings))
            if not problems:
                return settings
        raise BadSetting(problems)


_METADATA = {it.name: it.metadata for it in fields(Settings)}


def _value(name: str, label: str, text: object, problems: list[str]) -> Iterator[tuple[str, Any]]:
    """The value under its name, or nothing and a problem more."""
    known = _METADATA[name]
    if isinstance(text, bool):  # TOML's own, as is the number below
        text = str(text).lower()
    if isinstance(text, int):
        text = str(text)
    try:
        if not isinstance(text, str):
            raise ValueError("text, a number, true or false")
        if not text or "\0" in text:
            raise ValueError("a value; leave it out for the default")
        yield name, known["read"](text)
    except ValueError as error:
        takes = str(error).removeprefix("takes ")
        shown = "(hidden)" if known["secret"] else _shortened(repr(text))
        problems.append(f"{label} is {shown}: it takes {takes}")


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}…{text[-1]}"


def _from_environment(
    environ: Mapping[str, str], problems: list[str]
) -> dict[str, tuple[str, object]]:
    given: dict[str, tuple[str, object]] = {}
    for variable in sorted(environ):
        name = variable.removeprefix(_PREFIX).lower()
        if variable == f"{_PREFIX}{name.upper()}" and name in _METADATA:
            given[name] = (variable, environ[variable])
        elif (
            variable.startswith(_PREFIX)
            and variable != _CONFIG
            and not _SERVICE_LINK.fullmatch(variable)
        ):
            known = [_CONFIG, *(f"{_PREFIX}{it.upper()}" for it in _METADATA)]
            problems.append(_unknown(variable, "the environment", known))
    return given


def _from_file(environ: Mapping[str, str], problems: list[str]) -> dict[str, tuple[str, object]]:
    path = environ.get(_CONFIG)
    if path is None:
        return {}
    try:
        content = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        problems.append(f"{_CONFIG} is {path!r}: {error.strerror}; it takes a TOML file")
        return {}
    except ValueError as error:  # not TOML, not UTF-8, or no path at all
        problems.append(f"{_CONFIG} is {path!r}: it takes a TOML file ({type(error).__name__})")
        return {}
    unknown = sorted(content.keys() - _METADATA.keys())
    problems.extend(_unknown(name, path, list(_METADATA)) for name in unknown)
    return {name: (f"{name} in {path}", content[name]) for name in content if name in _METADATA}


def _unknown(name: str, place: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0)[0]
    return f"{_shortened(repr(name))} in {place} is no setting: the nearest is {nearest}"


def _conflicts(settings: Settings) -> Iterator[str]:
    """What cannot stand beside each other."""
    for one, other in (
        ("DATABASE_URL", "REDIS_URL"),
        ("REDIS_URL", "DATABASE_URL"),
        ("TLS_CERT_FILE", "TLS_KEY_FILE"),
        ("TLS_KEY_FILE", "TLS_CERT_FILE"),
        ("TLS_CLIENT_CA_FILE", "TLS_CERT_FILE"),
        ("DATABASE_URL", "ENCRYPTION_KEYS"),
    ):
        if getattr(settings, one.lower()) and getattr(settings, other.lower()) is None:
            yield f"{_PREFIX}{one} is set: it takes {_PREFIX}{other} beside it, which is unset"
    if not settings.tls_cert_file and not settings.allow_plaintext:
        for name in ("grpc_address", "ops_address"):
            address = getattr(settings, name)
            if not address.is_loopback:
                yield (
                    f"{_PREFIX}{name.upper()} is '{address}': off loopback it takes"
                    f" {_PREFIX}TLS_CERT_FILE, or {_PREFIX}ALLOW_PLAINTEXT=true"
                )
    for shorter, longer in (
        ("access_token_lifetime", "refresh_token_lifetime"),
        ("refresh_token_lifetime", "session_lifetime"),
    ):
        if getattr(settings, shorter) > getattr(settings, longer):
            yield (
                f"{_PREFIX}{shorter.upper()} is '{getattr(settings, shorter)}': it takes at most"
                f" {_PREFIX}{longer.upper()}, '{getattr(settings, longer)}'"
            )
