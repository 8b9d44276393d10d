"""Reading OIDC_PROVIDERS: a JSON array in the environment, an array of tables in the TOML file.

What is refused is told with its provider and key, never with what stood there.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields
from difflib import get_close_matches
from itertools import combinations
from typing import Any
from urllib.parse import urlsplit

from service.auth.providers import Provider
from service.settings import values

_Reader = Callable[[object], Any]


def providers(text: str) -> tuple[Provider, ...]:
    """The providers. Raises ValueError."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, list) or not given or not all(isinstance(it, dict) for it in given):
        raise ValueError("a JSON array of objects, one for each provider (docs/federation.md)")
    found = tuple(_provider(it, number) for number, it in enumerate(given, 1))
    for number, provider in enumerate(found, 1):
        if provider.id in {it.id for it in found[: number - 1]}:
            raise ValueError(f"an id of its own in provider {number}")
    return found


def sharing_redirects(found: Sequence[Provider]) -> list[tuple[str, str]]:
    """Pairs of ids whose browsers come back to one address, so that they can be mixed up."""
    return [
        (one.id, other.id)
        for one, other in combinations(found, 2)
        if not set(one.redirect_uris).isdisjoint(other.redirect_uris)
    ]


def _provider(given: Mapping[str, object], number: int) -> Provider:
    where = f"provider {number}"
    with suppress(ValueError):  # is told with the other keys
        where = f"provider {_id(given.get('id'))!r}"
    if unknown := sorted(given.keys() - _READERS.keys()):
        alike = get_close_matches(unknown[0], _READERS, n=1, cutoff=0.6)
        hint = f"the nearest is {alike[0]}" if alike else f"it has {', '.join(_READERS)}"
        raise ValueError(f"no {unknown[0][:40]!r} in {where}: {hint}")
    read: dict[str, Any] = {}
    for key, reader in _READERS.items():
        if key in given or key in _REQUIRED:
            try:
                read[key] = reader(given.get(key))
            except ValueError as error:
                raise ValueError(f"{error} as {key} of {where}") from None
    provider = Provider(**read)
    if bool(provider.groups) != bool(provider.groups_claim):
        raise ValueError(f"groups_claim and groups beside each other in {where}")
    return provider


def _string(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 4096:
        raise ValueError("a string")
    return value


def _id(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", value):
        raise ValueError("a word of lower-case letters, digits, - and _")
    return value


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _list_of(one: _Reader, what: str) -> _Reader:
    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError(f"a list of {what}")
        return tuple(one(it) for it in value)

    return read


def _redirect_uri(value: object) -> str:
    """RFC 9700, section 2.1: compared letter by letter; over http only to this machine."""
    text = _string(value)
    try:
        parts = urlsplit(text)
        host = values.Address(parts.hostname or "", parts.port or 0)
    except ValueError:
        host = values.Address("", 0)
    safe = text.startswith("https://") or (text.startswith("http://") and host.is_loopback)
    if not (host.host and safe and values.word(text)) or "#" in text or len(text) > 2048:
        raise ValueError("https:// URLs without fragment (http:// on loopback)")
    return text


def _scopes(value: object) -> tuple[str, ...]:
    read: tuple[str, ...] = _list_of(_scope, "scopes")(value)
    if "openid" not in read:
        raise ValueError("openid among the scopes")
    return read


def _scope(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[!#-\[\]-~]+", value):
        raise ValueError("a list of scopes")
    return value


def _groups(value: object) -> dict[str, str]:
    named = r"groups/[a-z0-9][a-z0-9_.-]{0,62}"
    if not isinstance(value, dict) or not all(
        isinstance(it, str) and re.fullmatch(named, it) for it in value.values()
    ):
        raise ValueError("a map from values of the claim to groups/{id}")
    return value


_READERS: dict[str, _Reader] = {
    "id": _id,
    "issuer": lambda value: values.issuer(_string(value)),
    "client_id": _string,
    "client_secret": _string,
    "redirect_uris": _list_of(_redirect_uri, "URLs"),
    "scopes": _scopes,
    "link_verified_email": _switch,
    "create_users": _switch,
    "groups_claim": _string,
    "groups": _groups,
}
_REQUIRED = {
    it.name for it in fields(Provider) if it.default is MISSING and it.default_factory is MISSING
}
