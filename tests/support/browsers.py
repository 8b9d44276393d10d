"""A person's browser, as far as a sign-in at an identity provider needs one."""

from urllib.parse import parse_qs, urlsplit

import requests


def come_back(authorization_url: str, *, person: str) -> dict[str, str]:
    """Signs in at the provider as `person`; answers what the browser is sent back with."""
    with requests.Session() as browser:
        browser.trust_env = False
        answer = browser.post(
            authorization_url, data={"sub": person}, allow_redirects=False, timeout=20
        )
    assert answer.status_code in {302, 303}, answer.text
    return brought_back(answer.headers["Location"])


def brought_back(location: str) -> dict[str, str]:
    """The parameters of the address that a browser is sent back to."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
