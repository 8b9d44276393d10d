"""Identity providers (OpenID Connect) as an operator describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider, and how far what it says is believed.

    `issuer` is compared letter by letter. `groups` maps values of `groups_claim` to `groups/{id}`.
    """

    id: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    link_verified_email: bool = False
    create_users: bool = True
    groups_claim: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
