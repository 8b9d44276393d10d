"""Identity providers are read from JSON or TOML, or refused without a word of their secrets."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from service.auth.errors import Cause
from service.auth.providers import Provider
from service.settings import BadSetting, Settings

SECRET = "hunter2"
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "federation.md"
GOOGLE: dict[str, Any] = {
    "id": "google",
    "issuer": "https://accounts.google.com",
    "client_id": "1234",
    "client_secret": SECRET,
    "redirect_uris": ["https://app.example.org/back", "http://127.0.0.1:8080/back"],
}
MUCH = {
    "scopes": ["openid", "email"],
    "link_verified_email": True,
    "create_users": False,
    "groups_claim": "teams",
    "groups": {"Engineering Team": "groups/eng"},
}


def read(*providers: dict[str, Any]) -> tuple[Provider, ...]:
    settings = Settings.read({"GATEHOUSE_OIDC_PROVIDERS": json.dumps(providers)})
    assert settings.oidc_providers is not None
    assert SECRET not in repr(settings)
    assert SECRET not in repr(settings.oidc_providers)
    return settings.oidc_providers


def refused(text: str) -> str:
    """What the setting takes, as the one line of the refusal says."""
    with pytest.raises(BadSetting) as caught:
        Settings.read({"GATEHOUSE_OIDC_PROVIDERS": text})
    line = str(caught.value)
    assert SECRET not in line
    assert "\n" not in line
    assert line.startswith("GATEHOUSE_OIDC_PROVIDERS is (hidden): it takes ")
    return line.removeprefix("GATEHOUSE_OIDC_PROVIDERS is (hidden): it takes ")


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in GOOGLE.items() if name != key}


def test_there_is_none_by_default() -> None:
    assert Settings.read({}).oidc_providers is None


def test_a_provider_needs_little() -> None:
    [provider] = read(GOOGLE)
    assert provider == Provider(
        id="google",
        issuer="https://accounts.google.com",
        client_id="1234",
        client_secret=SECRET,
        redirect_uris=("https://app.example.org/back", "http://127.0.0.1:8080/back"),
        scopes=("openid", "email", "profile"),
        link_verified_email=False,
        create_users=True,
        groups_claim="",
        groups={},
    )


def test_much_can_be_said_of_a_provider() -> None:
    google, other = read(GOOGLE | MUCH, GOOGLE | {"id": "other"})
    assert google.scopes == ("openid", "email")
    assert (google.link_verified_email, google.create_users) == (True, False)
    assert (google.groups_claim, google.groups) == ("teams", {"Engineering Team": "groups/eng"})
    assert other.id == "other"


def test_a_toml_file_has_a_table_for_each(tmp_path: Path) -> None:
    file = tmp_path / "gatehouse.toml"
    file.write_text("""
        [[oidc_providers]]
        id = "google"
        issuer = "https://accounts.google.com"
        client_id = "1234"
        client_secret = "hunter2"
        redirect_uris = ["https://app.example.org/back", "http://127.0.0.1:8080/back"]

        [[oidc_providers]]
        id = "keycloak"
        issuer = "https://keycloak.example.org/realms/ours"
        client_id = "gatehouse"
        client_secret = "hunter2"
        redirect_uris = ["https://app.example.org/back"]
        link_verified_email = true
        groups_claim = "groups"
        groups = {"/engineering" = "groups/eng"}
    """)
    found = Settings.read({"GATEHOUSE_CONFIG": str(file)}).oidc_providers
    assert found is not None
    google, keycloak = found
    assert google == read(GOOGLE)[0]
    assert keycloak.link_verified_email
    assert keycloak.groups == {"/engineering": "groups/eng"}


def test_the_documented_examples_are_read(tmp_path: Path) -> None:
    google, groups = re.findall(r"```toml\n(.*?)```", DOCUMENTATION.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "gatehouse.toml"
    file.write_text(google + groups, "utf-8")
    found = Settings.read({"GATEHOUSE_CONFIG": str(file)}).oidc_providers
    assert found is not None
    assert found[0].groups["/engineering"] == "groups/eng"


def test_what_is_refused_in_a_toml_file_is_told_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "gatehouse.toml"
    file.write_text(
        '[[oidc_providers]]\nid = "google"\nclient_secret = "hunter2"\nissuer = 2026-01-01'
    )
    with pytest.raises(BadSetting) as caught:
        Settings.read({"GATEHOUSE_CONFIG": str(file)})
    assert str(caught.value).startswith(f"oidc_providers in {file} is (hidden): it takes ")
    assert "as issuer of provider 'google'" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["x", "{}", "[]", '["hunter2"]', "null", "7", "[" * 100_000, '{"id": "hunter2"}']
)
def test_what_is_no_array_of_providers_is_refused(text: str) -> None:
    assert refused(text).startswith("a JSON array of objects, one for each provider")


@pytest.mark.parametrize("key", ["id", "issuer", "client_id", "client_secret", "redirect_uris"])
def test_what_a_provider_needs_is_asked_for(key: str) -> None:
    where = "provider 1" if key == "id" else "provider 'google'"
    assert refused(json.dumps([without(key)])).endswith(f" as {key} of {where}")


@pytest.mark.parametrize(
    ("key", "value", "takes"),
    [
        ("issuer", "accounts.google.com", "an https:// URL"),
        ("issuer", "http://accounts.google.com", "an https:// URL"),
        ("issuer", "https://me:hunter2@idp.example.org", "an https:// URL"),
        ("issuer", "https://idp.example.org/?x", "an https:// URL"),
        ("issuer", 7, "a string"),
        ("client_id", "", "a string"),
        ("client_id", "a\nb", "a string"),
        ("client_secret", ["hunter2"], "a string"),
        ("client_secret", "hunter2\n", "a string"),
        ("redirect_uris", [], "a list of URLs"),
        ("redirect_uris", "https://app.example.org/back", "a list of URLs"),
        ("redirect_uris", [7], "a string"),
        ("redirect_uris", ["http://app.example.org/back"], "https:// URLs"),
        ("redirect_uris", ["https://app.example.org/#hunter2"], "https:// URLs"),
        ("redirect_uris", ["https://"], "https:// URLs"),
        ("redirect_uris", ["https://[::1/back"], "https:// URLs"),
        ("redirect_uris", ["https://app.example.org/a b"], "printable ASCII"),
        ("redirect_uris", ["app:/back"], "https:// URLs"),
        ("scopes", [], "a list of scopes"),
        ("scopes", ["email"], "openid among the scopes"),
        ("scopes", ["openid email"], "a list of scopes"),
        ("scopes", [7], "a list of scopes"),
        ("link_verified_email", "true", "true or false"),
        ("create_users", 1, "true or false"),
        ("groups_claim", 7, "a string"),
        ("groups", ["eng"], "a map from values of the claim to groups/{id}"),
        ("groups", {"eng": "eng"}, "a map from values of the claim to groups/{id}"),
        ("groups", {"eng": "groups/Eng"}, "a map from values of the claim to groups/{id}"),
        ("groups", {"eng": 7}, "a map from values of the claim to groups/{id}"),
    ],
)
def test_a_value_that_is_none_is_refused_with_what_it_takes(
    key: str, value: object, takes: str
) -> None:
    line = refused(json.dumps([GOOGLE | {key: value}]))
    assert line.startswith(takes)
    assert line.endswith(f" as {key} of provider 'google'")


@pytest.mark.parametrize("provider", ["", "Google", "7up", "a b", "hunter2 is secret", 7, "x" * 64])
def test_an_id_is_a_word_and_told_only_then(provider: object) -> None:
    line = refused(json.dumps([GOOGLE, GOOGLE | {"id": provider}]))
    assert line == "a word of lower-case letters, digits, - and _ as id of provider 2"


def test_providers_that_share_where_browsers_come_back_to_are_warned_of() -> None:
    text = json.dumps([GOOGLE, GOOGLE | {"id": "other"}])
    [warning] = Settings.read({"GATEHOUSE_OIDC_PROVIDERS": text}).warnings
    assert warning.startswith("GATEHOUSE_OIDC_PROVIDERS: google and other share a redirect URI")
    assert SECRET not in warning


def test_providers_with_addresses_of_their_own_are_not() -> None:
    own = {"id": "other", "redirect_uris": ["https://app.example.org/back/other"]}
    text = json.dumps([GOOGLE, GOOGLE | own])
    assert Settings.read({"GATEHOUSE_OIDC_PROVIDERS": text}).warnings == []


def test_an_id_stands_for_one_provider() -> None:
    assert refused(json.dumps([GOOGLE, GOOGLE])) == "an id of its own in provider 2"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("isuer", "the nearest is issuer"),
        ("client_secrets", "the nearest is client_secret"),
        ("xyz", "it has id, issuer, client_id,"),
    ],
)
def test_a_key_that_is_none_is_refused_with_the_nearest(key: str, hint: str) -> None:
    line = refused(json.dumps([GOOGLE | {key: SECRET}]))
    assert line.startswith(f"no {key!r} in provider 'google': {hint}")


@pytest.mark.parametrize("key", ["groups", "groups_claim"])
def test_groups_need_their_claim_and_a_claim_its_groups(key: str) -> None:
    line = refused(json.dumps([GOOGLE | {key: MUCH[key]}]))
    assert line == "groups_claim and groups beside each other in provider 'google'"


def test_other_settings_take_no_arrays(tmp_path: Path) -> None:
    file = tmp_path / "gatehouse.toml"
    file.write_text('bootstrap_admin_password = ["hunter2"]')
    with pytest.raises(BadSetting, match="it takes a string, a whole number, true or false"):
        Settings.read({"GATEHOUSE_CONFIG": str(file)})


def test_every_cause_of_a_refusal_is_documented() -> None:
    documented = DOCUMENTATION.read_text("utf-8")
    assert [cause for cause in Cause if f"`{cause}`" not in documented] == []
