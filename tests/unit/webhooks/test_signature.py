"""Signatures are those that the libraries of Standard Webhooks verify."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from service.webhooks.signature import new_secret, signatures

BODY = '{"text":"Grüße, 世界 🌍"}'.encode()


def headers(signature: str, timestamp: int) -> dict[str, str]:
    return {
        "webhook-id": "msg",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_a_secret_is_32_random_bytes() -> None:
    one, other = new_secret(), new_secret()
    assert one != other
    assert len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) == 32


def test_the_example_of_the_specification_comes_out() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = signatures(
        [secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_either_of_two_secrets_verifies() -> None:
    secrets = [new_secret(), new_secret()]
    signed = signatures(secrets, "msg", now(), BODY)
    for secret in secrets:
        assert Webhook(secret).verify(BODY, headers(signed, now()))


@pytest.mark.parametrize("change", ["id", "timestamp", "body", "secret"])
def test_whatever_is_changed_does_not_verify(change: str) -> None:
    secret, timestamp = new_secret(), now()
    sent = headers(signatures([secret], "msg", timestamp, BODY), timestamp)
    if change in {"id", "timestamp"}:
        sent[f"webhook-{change}"] = {"id": "other", "timestamp": str(timestamp + 1)}[change]
    verifier = Webhook(new_secret() if change == "secret" else secret)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(BODY + b" " if change == "body" else BODY, sent)
