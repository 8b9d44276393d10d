"""Which URLs a webhook may have. Where its host leads is known once that is connected to."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

from service.kernel.errors import InvalidArgument
from service.webhooks.addresses import is_public

_FIELD = "webhook.url"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_LONGEST_NAME = 253
# A last label that is a number makes the whole an IPv4 address (WHATWG URL, "ends in a number"),
# in forms that resolvers read each in their own way: 127.1, 2130706433, 0x7f.0.0.1.
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?")


def require_url(url: str, *, allow_private: bool) -> None:
    """Raises InvalidArgument with what is wrong with a webhook's URL."""
    if problem := _problem(url, allow_private=allow_private):
        raise InvalidArgument.field(_FIELD, problem)


def _problem(url: str, *, allow_private: bool) -> str | None:
    if not url:
        return "is required"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "must have a host, and a port from 1 to 65535 if any"
    if parts.scheme != "https" and not allow_private:
        return "must begin with https://, so that nobody on the way reads what is sent"
    if port == 0 or parts.netloc.endswith(":"):
        return "must have a port from 1 to 65535 if any"
    try:
        address = _address(host, in_brackets="[" in parts.netloc)
    except AddressValueError:
        return "must have an IPv4 address as four decimal numbers, an IPv6 address in brackets"
    if address is not None and not allow_private and not is_public(address):
        return "must not have an address that is private, loopback, link-local or otherwise special"
    if address is None and not (_NAME.fullmatch(host) and len(host) <= _LONGEST_NAME):
        return "must have a host such as example.com"
    return None


def _address(host: str, *, in_brackets: bool) -> str | None:
    """The host's address, None if it is a name. Raises AddressValueError if it is neither."""
    if in_brackets:
        return str(IPv6Address(host))
    return str(IPv4Address(host)) if _NUMBER.fullmatch(host) else None
