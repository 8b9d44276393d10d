"""Forged, foreign, broken and worn-out tokens: each is refused, and never because of a fault."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from tests.support.clients import Client, Person
from tests.support.house import House
from tests.support.refusals import UNAUTHENTICATED, refused

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
OTHER_KEY = generate_private_key(SECP256R1())
REQUIRED = ["exp", "iss", "aud", "sub", "iat", "jti", "sid", "scope"]


class Forger:
    """Somebody who knows everything, the signing key included, and changes what they like."""

    def __init__(self, gatehouse: House, person: Person) -> None:
        self.key = gatehouse.application.services.keys.signing
        self.claims = jwt.decode(person.tokens.access_token, options={"verify_signature": False})
        self.header = {"typ": "at+jwt", "kid": self.key.id}

    def token(self, *, key: Any = None, header: Any = None, **claims: Any) -> str:
        changed = {k: v for k, v in (self.claims | claims).items() if v is not None}
        signer = key or self.key.private
        return jwt.encode(changed, signer, algorithm="ES256", headers=self.header | (header or {}))

    def sign(self, signed: bytes) -> bytes:
        return ECAlgorithm(ECAlgorithm.SHA256).sign(signed, self.key.private)

    def by_hand(
        self, header: dict[str, Any], sign: Callable[[bytes], bytes], body: Any = None
    ) -> str:
        parts = [_coded(json.dumps(it).encode()) for it in (header, body or self.claims)]
        signed = ".".join(parts)
        return f"{signed}.{_coded(sign(signed.encode()))}"


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.fixture
def forger(gatehouse: House, ada: Person) -> Forger:
    return Forger(gatehouse, ada)


def judge(anonymous: Client, token: str, reason: str = "TOKEN_INVALID") -> None:
    with refused(UNAUTHENTICATED, reason=reason):
        anonymous.bearing(token).auth.WhoAmI()


def test_what_the_forger_leaves_as_it_was_is_good(anonymous: Client, forger: Forger) -> None:
    assert anonymous.bearing(forger.token()).auth.WhoAmI().subject == forger.claims["sub"]


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_an_unsigned_token_is_refused(anonymous: Client, forger: Forger, alg: str) -> None:
    judge(anonymous, forger.by_hand(forger.header | {"alg": alg}, lambda signed: b""))


@pytest.mark.parametrize("encoding", ["pem", "der", "x962", "jwk"])
def test_the_public_key_is_no_shared_secret(
    anonymous: Client, forger: Forger, encoding: str
) -> None:
    public = forger.key.public
    secret = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "x962": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "jwk": json.dumps({"kty": "EC"}).encode(),
    }[encoding]
    header = forger.header | {"alg": "HS256"}
    judge(anonymous, forger.by_hand(header, lambda it: hmac.digest(secret, it, hashlib.sha256)))


@pytest.mark.parametrize("alg", ["ES384", "RS256", "PS256", "EdDSA", "HS512"])
def test_another_algorithm_is_refused(anonymous: Client, forger: Forger, alg: str) -> None:
    judge(anonymous, forger.by_hand(forger.header | {"alg": alg}, lambda signed: b"x" * 64))


def test_another_key_is_refused(anonymous: Client, forger: Forger) -> None:
    judge(anonymous, forger.token(key=OTHER_KEY))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "nobody"},
        {"kid": ""},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"kid": "\0"},
        {"typ": "JWT"},
        {"typ": "AT+JWT "},
        {"typ": None},
        {"crit": ["exp"]},
        {"crit": []},
    ],
)
def test_a_header_that_is_not_ours_is_refused(
    anonymous: Client, forger: Forger, header: dict[str, Any]
) -> None:
    judge(anonymous, forger.token(header=header))


@pytest.mark.parametrize("kid", [None, 7, ["a"], {"a": 1}])
def test_a_key_id_that_is_no_text_is_refused(
    anonymous: Client, forger: Forger, kid: object
) -> None:
    header = {"typ": "at+jwt", "alg": "ES256", "kid": kid}
    if kid is None:
        del header["kid"]
    judge(anonymous, forger.by_hand(header, forger.sign))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example.org"},
        {"iss": "https://gatehouse.local/"},
        {"aud": "billing"},
        {"aud": ["billing"]},
        {"aud": ""},
    ],
)
def test_a_token_that_is_not_for_here_is_refused(
    anonymous: Client, forger: Forger, claims: dict[str, Any]
) -> None:
    judge(anonymous, forger.token(**claims))


@pytest.mark.parametrize("claim", REQUIRED)
def test_a_token_that_lacks_a_claim_is_refused(
    anonymous: Client, forger: Forger, claim: str
) -> None:
    judge(anonymous, forger.token(**{claim: None}))


@pytest.mark.parametrize(
    "claims", [{"exp": "soon"}, {"iat": "x"}, {"exp": 10**30}, {"sub": 7}, {"exp": [1]}]
)
def test_a_claim_of_the_wrong_kind_is_refused(
    anonymous: Client, forger: Forger, claims: dict[str, Any]
) -> None:
    token = forger.by_hand(
        forger.header | {"alg": "ES256"},
        forger.sign,
        forger.claims | claims,
    )
    judge(anonymous, token)


def test_an_expired_token_is_told_apart(anonymous: Client, forger: Forger) -> None:
    past = forger.claims["iat"] - 1000
    judge(anonymous, forger.token(exp=past + 600, iat=past), reason="TOKEN_EXPIRED")


def test_a_token_that_was_good_expires(open_house: Callable[..., House]) -> None:
    gatehouse = open_house()
    gatehouse.admin.auth.WhoAmI()
    gatehouse.application.services.feed.stop()  # which would set the clock again
    gatehouse.application.services.clock._offset += 601
    judge(gatehouse.anonymous, gatehouse.admin.tokens.access_token, reason="TOKEN_EXPIRED")


@pytest.mark.parametrize("part", [0, 1, 2])
def test_no_part_of_a_token_can_be_changed(anonymous: Client, ada: Person, part: int) -> None:
    parts = ada.tokens.access_token.split(".")
    for position in (0, 5, len(parts[part]) // 2):
        letter = parts[part][position]
        changed = (
            parts[part][:position] + ("A" if letter != "A" else "B") + parts[part][position + 1 :]
        )
        judge(anonymous, ".".join([*parts[:part], changed, *parts[part + 1 :]]))


def test_the_mirrored_signature_of_a_revoked_session_is_refused_too(
    anonymous: Client, ada: Person
) -> None:
    head, body, signature = ada.tokens.access_token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    mirrored = raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    twin = f"{head}.{body}.{_coded(mirrored)}"
    assert anonymous.bearing(twin).auth.WhoAmI().subject == ada.name, "ES256 is malleable"
    ada.auth.Logout()
    judge(anonymous, twin, reason="SESSION_REVOKED")


@pytest.mark.parametrize(
    "token",
    ["x", "a.b", "a.b.c", "...", "a.b.c.d", "e30.e30.e30", "A" * 8000, "=" * 10, "{}", "null"],
    ids=lambda it: it[:8],
)
def test_what_is_no_token_is_refused(anonymous: Client, token: str) -> None:
    judge(anonymous, token)


def test_a_refresh_token_is_no_access_token(anonymous: Client, ada: Person) -> None:
    judge(anonymous, ada.tokens.refresh_token)


def test_a_token_of_another_gatehouse_is_refused(
    open_house: Callable[..., House], ada: Person
) -> None:
    elsewhere = open_house(access_token_lifetime=timedelta(minutes=5))
    judge(elsewhere.anonymous, ada.tokens.access_token)
