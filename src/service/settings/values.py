"""The kinds of values, and readers from text to each.

A reader raises ValueError with what the setting takes; never with what it was given, which may be
a secret.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address as Sender
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote, urlsplit

from service.kernel.emails import is_address


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


def address(text: str) -> Address:
    """`host:port`; an IPv6 host stands in brackets."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)]|([\w.-]+)):(\d{1,5})", text, re.ASCII)
    try:
        if match and int(match[3]) <= 65535:
            return Address(str(IPv6Address(match[1])) if match[1] else match[2], int(match[3]))
    except ValueError:
        pass
    raise ValueError("host:port, such as 127.0.0.1:50051 or [::1]:0")


def switch(text: str) -> bool:
    """`true` or `false`, and their usual other words."""
    found = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
    if text.lower() not in found:
        raise ValueError("true or false")
    return found[text.lower()]


def whole(least: int, most: int) -> Callable[[str], int]:
    """A number without sign or point, bounds included."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def one_worker(text: str) -> int:
    """The only number of worker processes there is so far."""
    if text != "1":
        raise ValueError("1; more than one worker process is not supported yet")
    return 1


def one_of(*choices: str) -> Callable[[str], str]:
    """One of the words, in lower case."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(" or ".join([", ".join(choices[:-1]), choices[-1]]))
        return text.lower()

    return read


def duration(least: str, most: str) -> Callable[[str], timedelta]:
    """`10m`, `90d`, `1h30m`, `500ms`: larger units first, bounds included."""
    shortest, longest = _length(least), _length(most)

    def read(text: str) -> timedelta:
        length = _length(text)
        if not shortest <= length <= longest:
            raise ValueError(f"a duration from {least} to {most}, such as 90d, 1h30m or 500ms")
        return length

    return read


_DURATION = re.compile(
    r"(?=\d)(?:(?P<days>\d{1,6})d)?(?:(?P<hours>\d{1,6})h)?(?:(?P<minutes>\d{1,6})m(?!s))?"
    r"(?:(?P<seconds>\d{1,9})s)?(?:(?P<milliseconds>\d{1,9})ms)?",
    re.ASCII,
)


def _length(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if not match:
        return timedelta.max  # over every bound
    return timedelta(**{unit: int(count) for unit, count in match.groupdict("0").items()})


def in_words(length: timedelta) -> str:
    """The duration as it is written in settings."""
    left = length // timedelta(milliseconds=1)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        parts.append(f"{count}{unit}" if count else "")
    return "".join(parts) or "0s"


def size(least: str, most: str) -> Callable[[str], int]:
    """Bytes as `500MB` (thousands), `5GiB` (1024s) or plain `1048576`, bounds included."""
    smallest, largest = _bytes(least), _bytes(most)

    def read(text: str) -> int:
        count = _bytes(text)
        if not smallest <= count <= largest:
            raise ValueError(f"a size from {least} to {most}, such as 500MB, 5GiB or 1048576")
        return count

    return read


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,18})(?:([KMGTP])(i?))?B?", text)
    if not match or (match[2] and not text.endswith("B")):
        return -1  # under every bound
    count, unit, binary = match.groups()
    step: int = (1024 if binary else 1000) ** ("KMGTP".index(unit) + 1 if unit else 0)
    return int(count) * step


def rate(text: str) -> Rate:
    """`60/minute`."""
    match = re.fullmatch(r"([1-9][0-9]{0,8})/(second|minute|hour|day)", text)
    if not match:
        raise ValueError("a count per second, minute, hour or day, such as 60/minute")
    lengths = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
    return Rate(int(match[1]), lengths[match[2]])


def url(*schemes: str) -> Callable[[str], str]:
    """A URL of one of the schemes, kept as it was given."""
    starts = [f"{scheme}://" for scheme in schemes]

    def read(text: str) -> str:
        try:
            # Its port is looked at because urlsplit checks that only then.
            whole = urlsplit(text).port != 0 and text not in starts and _is_one_word(text)
        except ValueError:
            whole = False
        if not whole or not text.startswith(tuple(starts)):
            raise ValueError(f"a URL that begins with {' or '.join(starts)}")
        return text

    return read


def file_store(text: str) -> str:
    """A folder, `file:///folder`, or a place in S3, `s3://bucket/prefix`; kept as it was given."""
    folder = re.fullmatch(r"file:///(?!/)[^?#]+", text) and "\0" not in unquote(text)
    bucket = re.fullmatch(r"s3://[\w.-]{3,255}(/[\w=.-]*\w)*/?", text, re.ASCII)
    if not (folder or bucket) or not text.isprintable():
        raise ValueError("file:///folder or s3://bucket/prefix, without user, query or fragment")
    return text


def issuer(text: str) -> str:
    """An issuer (RFC 8414, section 2); it is compared letter by letter, so kept as it was given."""
    try:
        parts = urlsplit(text)
        host = Address(parts.hostname or "", parts.port or 0)
    except ValueError:
        host = Address("", 0)
    safe = text.startswith("https://") or (text.startswith("http://") and host.is_loopback)
    if not (host.host and safe and _is_one_word(text)) or re.search(r"[?#@]", text):
        raise ValueError("an https:// URL without user, query or fragment (http:// on loopback)")
    return text


def email(text: str) -> str:
    """An e-mail address, by its shape alone."""
    if not is_address(text):
        raise ValueError("an e-mail address")
    return text


def sender(text: str) -> Sender:
    """Whom mail is from: `no-reply@example.org` or `Example <no-reply@example.org>`."""
    match = re.fullmatch(r"([^<>\"@]*\S) <([^<>]+)>|([^<>]+)", text)
    address = (match[2] or match[3]) if match else ""
    if not (match and is_address(address) and text.isprintable() and address.isascii()):
        raise ValueError("an e-mail address, or Name <address>")
    name, domain = address.rsplit("@", 1)
    return Sender(match[1] or "", name, domain)


def page(text: str) -> str:
    """A page of the company's app that a mail leads to, with `{token}` for the token."""
    without = text.replace("{token}", "token")
    try:
        url = urlsplit(without)
        host = Address(url.hostname or "", url.port or 0)
    except ValueError:
        host = Address("", 0)
    safe = without.startswith("https://") or (without.startswith("http://") and host.is_loopback)
    written = _is_one_word(text) and not re.search(r"[{}<>\"\\^`|@]", without) and len(text) <= 512
    once = text.count("{token}") == 1 and "{token}" not in urlsplit(text).netloc
    if not (host.host and safe and written and once):
        raise ValueError("an https:// URL with {token} once after the host (http:// on loopback)")
    return text


def word(text: str) -> str:
    """A name without spaces."""
    if not _is_one_word(text) or len(text) > 255:
        raise ValueError("printable ASCII without spaces, at most 255 characters")
    return text


def _is_one_word(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
