"""What the ops port shows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from service.kernel.errors import Unavailable

_METADATA_MAX_AGE = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; caches may keep it for `max_age` seconds, 0 = not at all."""

    status: HTTPStatus
    content_type: str
    body: bytes
    max_age: int = 0
    headers: tuple[str, ...] = ()


# A page that never changes is the answer itself; only the others need a thread.
Page = Answer | Callable[[], Answer]


def text(status: HTTPStatus, line: str, *, headers: tuple[str, ...] = ()) -> Answer:
    """One line for people."""
    return Answer(status, "text/plain; charset=utf-8", f"{line}\n".encode(), headers=headers)


def pages(
    registry: CollectorRegistry,
    *,
    unready: Callable[[], str],
    jwks: Callable[[], Mapping[str, Any]],
    issuer: str,
) -> dict[str, Page]:
    """The pages by path. `unready` says in one line why no traffic should come, empty = it may."""
    return {
        "/livez": text(HTTPStatus.OK, "alive"),
        "/readyz": lambda: _readiness(unready()),
        "/metrics": lambda: Answer(
            HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry)
        ),
        "/.well-known/jwks.json": lambda: _jwks(jwks),
        "/.well-known/openid-configuration": _json(_configuration(issuer)),
    }


def _readiness(why_not: str) -> Answer:
    if why_not:
        return text(HTTPStatus.SERVICE_UNAVAILABLE, " ".join(why_not.split()))
    return text(HTTPStatus.OK, "ready")


def _jwks(jwks: Callable[[], Mapping[str, Any]]) -> Answer:
    try:
        return _json(jwks())
    except Unavailable as error:
        return text(HTTPStatus.SERVICE_UNAVAILABLE, error.message, headers=("Retry-After: 1",))


def _json(value: Mapping[str, Any]) -> Answer:
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(HTTPStatus.OK, "application/json", body, max_age=_METADATA_MAX_AGE)


def _configuration(issuer: str) -> dict[str, Any]:
    """What a verifier of our tokens looks for (OpenID Connect Discovery 1.0, section 3).

    There is no authorization endpoint to name: people sign in over gRPC.
    """
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer.rstrip('/')}/.well-known/jwks.json",
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }
