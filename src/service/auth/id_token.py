"""ID tokens: what an identity provider says of a sign-in (OpenID Connect Core, section 3.1.3.7)."""

import hmac
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.registry import Header

_LEEWAY = 60  # seconds by which the provider's clock may be off
_ALGORITHMS = {
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
}


class UnknownKey(Exception):
    """The token is signed with a key that is not among the given ones."""


class IdTokenInvalid(Exception):
    """The token is not the provider's word on this sign-in; says why, without any of its values."""


class _Signatures(JWSRegistry):
    """Takes asymmetric algorithms: `none` proves nothing, and HS256's key would be our password.

    Header fields that we do not know are passed over, as RFC 7515 has it; critical ones are not.
    """

    max_header_length = 8 * 1024  # a chain of certificates may be in it

    def __init__(self) -> None:
        super().__init__(algorithms=_ALGORITHMS, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        if name not in _ALGORITHMS:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]

    def check_header(self, header: Header) -> None:
        if not isinstance(header.get("kid", ""), str):
            raise UnsupportedAlgorithmError
        super().check_header(header)


_SIGNATURES = _Signatures()


def verify(
    token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """The token's claims. Raises IdTokenInvalid, UnknownKey."""
    try:
        decoded = jwt.decode(token, keys, registry=_SIGNATURES)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": issuer},
                "aud": {"essential": True, "value": client_id},
                "sub": {"essential": True},
                "nonce": {"essential": True},
            },
            params={"client_id": client_id},
        )
        claims.validate(now=int(now), leeway=_LEEWAY)
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise IdTokenInvalid("another nonce")
    except InvalidKeyIdError:
        raise UnknownKey from None
    except ClaimError as error:
        raise IdTokenInvalid(f"{error.error} {error.claim}") from None
    except JoseError as error:
        raise IdTokenInvalid(error.error) from None
    except (ValueError, TypeError, RecursionError):
        raise IdTokenInvalid("malformed") from None
    return dict(claims)
