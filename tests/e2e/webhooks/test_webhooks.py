"""Webhooks: creating, reading, changing and deleting them, and who may."""

import base64
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import (
    ABORTED,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    refused,
)

URL = "https://example.com/hooks/T0K3N?token=s3cret"
NONE = "webhooks/0190a5b4-0000-7000-8000-000000000000"
NO_EVENT = "events/0190a5b4-0000-7000-8000-000000000000"
ACTIVE, DISABLED = 1, 2


@pytest.fixture
def made(admin: Person) -> Any:
    """A webhook that wants what never happens, with its secret."""
    return admin.webhooks.CreateWebhook(webhook={"url": URL, "event_types": ["never."]})


@pytest.fixture
def webhook(made: Any) -> Any:
    return made.webhook


@pytest.fixture
def webmaster(gatehouse: House, admin: Person) -> Person:
    """Somebody who may do everything with webhooks, and may not see events."""
    role = f"roles/webmaster-{uuid4().hex[:8]}"
    admin.roles.CreateRole(role={"name": role, "permissions": ["webhooks.*"]})
    return gatehouse.new_person(role)


def events_of(gatehouse: House, name: str) -> list[tuple[str, Any]]:
    found = gatehouse.sql(
        "SELECT type, data FROM events WHERE subject = :it ORDER BY position", it=name
    )
    return [(row.type.removeprefix("gatehouse.webhooks."), row.data) for row in found]


def test_a_webhook_is_created_as_wanted(gatehouse: House, admin: Person, made: Any) -> None:
    webhook = made.webhook
    assert (webhook.url, list(webhook.event_types), webhook.state) == (URL, ["never."], ACTIVE)
    UUID(webhook.name.removeprefix("webhooks/"))
    assert webhook.etag
    assert webhook.create_time == webhook.update_time
    assert admin.webhooks.GetWebhook(name=webhook.name).webhook == webhook
    told = {"origin": "https://example.com", "event_types": ["never."], "state": "ACTIVE"}
    assert events_of(gatehouse, webhook.name) == [("created", {"after": told})]


def test_it_may_be_created_disabled(admin: Person) -> None:
    wanted = {"url": URL, "state": DISABLED, "description": "for later"}
    webhook = admin.webhooks.CreateWebhook(webhook=wanted).webhook
    assert (webhook.state, webhook.description) == (DISABLED, "for later")


def test_its_secret_is_shown_once_and_sealed_at_rest(
    gatehouse: House, admin: Person, made: Any
) -> None:
    secret = base64.b64decode(made.secret.removeprefix("whsec_"), validate=True)
    assert len(secret) == 32
    shown = str(admin.webhooks.GetWebhook(name=made.webhook.name))
    assert made.secret.removeprefix("whsec_") not in shown
    [row] = gatehouse.sql(
        "SELECT secret FROM webhooks WHERE 'webhooks/' || id = :it", it=made.webhook.name
    )
    assert secret not in bytes(row.secret)
    assert made.secret.encode() not in bytes(row.secret)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.com/",
        "https://",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com/#fragment",
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://bücher.example/",
        "https://example.com:0/",
        "https://2130706433/",
        f"https://example.com/{'a' * 2048}",
    ],
)
def test_a_url_that_is_none_is_refused(admin: Person, webhook: Any, url: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"webhook.url"}):
        admin.webhooks.CreateWebhook(webhook={"url": url})
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"webhook.url"}):
        admin.webhooks.UpdateWebhook(
            webhook={"name": webhook.name, "url": url}, update_mask={"paths": ["url"]}
        )


@pytest.mark.parametrize("url", ["http://example.com/", "https://127.0.0.1/", "https://[::1]/"])
def test_what_is_not_https_or_not_public_is_refused_unless_a_setting_allows_it(
    open_house: Callable[..., House], admin: Person, url: str
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"webhook.url"}):
        admin.webhooks.CreateWebhook(webhook={"url": url})
    lenient = open_house(webhook_allow_private=True).admin
    assert lenient.webhooks.CreateWebhook(webhook={"url": url}).webhook.url == url


@pytest.mark.parametrize("types", [["Users"], ["gatehouse users"], ["*"], [""], ["a" * 129]])
def test_what_begins_no_type_is_refused(admin: Person, types: list[str]) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"webhook.event_types[0]"}):
        admin.webhooks.CreateWebhook(webhook={"url": URL, "event_types": types})


def test_a_mask_changes_what_it_names(gatehouse: House, admin: Person, webhook: Any) -> None:
    wanted = {"name": webhook.name, "url": "https://example.org/new", "description": "x"}
    after = admin.webhooks.UpdateWebhook(webhook=wanted, update_mask={"paths": ["url"]}).webhook
    assert (after.url, after.description) == ("https://example.org/new", "")
    assert after.etag != webhook.etag
    assert admin.webhooks.GetWebhook(name=webhook.name).webhook == after
    told = {
        "fields": ["url"],
        "before": {"origin": "https://example.com"},
        "after": {"origin": "https://example.org"},
    }
    assert events_of(gatehouse, webhook.name)[1:] == [("updated", told)]


def test_of_a_description_it_is_told_that_it_changed(
    gatehouse: House, admin: Person, webhook: Any
) -> None:
    admin.webhooks.UpdateWebhook(webhook={"name": webhook.name, "description": "x"})
    assert events_of(gatehouse, webhook.name)[1:] == [("updated", {"fields": ["description"]})]


def test_without_a_mask_what_is_set_is_changed(admin: Person, webhook: Any) -> None:
    wanted = {"name": webhook.name, "description": "new"}
    after = admin.webhooks.UpdateWebhook(webhook=wanted).webhook
    assert (after.url, after.description) == (URL, "new")


def test_a_star_replaces_all_that_is_said(admin: Person, webhook: Any) -> None:
    wanted = {"name": webhook.name, "url": URL}
    after = admin.webhooks.UpdateWebhook(webhook=wanted, update_mask={"paths": ["*"]}).webhook
    assert (list(after.event_types), after.state) == ([], ACTIVE)


@pytest.mark.parametrize("path", ["name", "etag", "create_time", "secret"])
def test_a_mask_may_name_only_what_can_be_changed(admin: Person, webhook: Any, path: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_UPDATE_MASK", fields={"update_mask"}):
        admin.webhooks.UpdateWebhook(webhook={"name": webhook.name}, update_mask={"paths": [path]})


def test_an_update_that_changes_nothing_leaves_the_etag(admin: Person, webhook: Any) -> None:
    assert admin.webhooks.UpdateWebhook(webhook=webhook).webhook == webhook


def test_a_stale_etag_is_aborted_and_changes_nothing(admin: Person, webhook: Any) -> None:
    wanted = {"name": webhook.name, "description": "1"}
    current = admin.webhooks.UpdateWebhook(webhook=wanted).webhook
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.webhooks.UpdateWebhook(webhook=wanted | {"etag": webhook.etag, "description": "2"})
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.webhooks.DeleteWebhook(name=webhook.name, etag=webhook.etag)
    assert admin.webhooks.GetWebhook(name=webhook.name).webhook == current


def test_a_deleted_webhook_is_gone(gatehouse: House, admin: Person, webhook: Any) -> None:
    admin.webhooks.DeleteWebhook(name=webhook.name)
    with refused(NOT_FOUND, reason="WEBHOOK_NOT_FOUND"):
        admin.webhooks.GetWebhook(name=webhook.name)
    told = {"origin": "https://example.com", "event_types": ["never."], "state": "ACTIVE"}
    assert events_of(gatehouse, webhook.name)[-1] == ("deleted", {"before": told})


def test_a_webhook_that_is_not_there_is_not_found(admin: Person, gatehouse: House) -> None:
    [some] = gatehouse.sql("SELECT id FROM events LIMIT 1")
    calls = [
        lambda: admin.webhooks.GetWebhook(name=NONE),
        lambda: admin.webhooks.UpdateWebhook(webhook={"name": NONE, "description": "x"}),
        lambda: admin.webhooks.DeleteWebhook(name=NONE),
        lambda: admin.webhooks.RotateSecret(name=NONE),
        lambda: admin.webhooks.PingWebhook(name=NONE),
        lambda: admin.webhooks.ListDeliveries(webhook=NONE),
        lambda: admin.webhooks.RedeliverEvent(webhook=NONE, event=f"events/{some.id}"),
    ]
    for call in calls:
        with refused(NOT_FOUND, reason="WEBHOOK_NOT_FOUND") as refusal:
            call()
        assert refusal.resource == ("gatehouse.webhooks.v1.Webhook", NONE)


def test_an_event_that_is_not_kept_cannot_be_sent_again(admin: Person, webhook: Any) -> None:
    with refused(NOT_FOUND, reason="EVENT_NOT_FOUND"):
        admin.webhooks.RedeliverEvent(webhook=webhook.name, event=NO_EVENT)


def test_nothing_is_sent_to_a_disabled_webhook_on_request(
    admin: Person, gatehouse: House, webhook: Any
) -> None:
    [some] = gatehouse.sql("SELECT id FROM events LIMIT 1")
    admin.webhooks.UpdateWebhook(webhook={"name": webhook.name, "state": DISABLED})
    with refused(FAILED_PRECONDITION, reason="WEBHOOK_DISABLED"):
        admin.webhooks.PingWebhook(name=webhook.name)
    with refused(FAILED_PRECONDITION, reason="WEBHOOK_DISABLED"):
        admin.webhooks.RedeliverEvent(webhook=webhook.name, event=f"events/{some.id}")
    assert not admin.webhooks.ListDeliveries(webhook=webhook.name).deliveries


@pytest.mark.parametrize(
    "change", [{"url": "https://x.org/"}, {"event_types": ["a."]}, {"state": ACTIVE}]
)
def test_who_may_not_watch_events_has_none_sent_elsewhere(
    webmaster: Person, webhook: Any, change: Any
) -> None:
    for name in (webhook.name, NONE):  # and is not told what is there
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
            webmaster.webhooks.UpdateWebhook(webhook={"name": name} | change)
        assert "events.watch" in refusal.message
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        webmaster.webhooks.CreateWebhook(webhook={"url": URL})
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        webmaster.webhooks.RedeliverEvent(webhook=webhook.name, event=NO_EVENT)


def test_nor_has_a_token_that_is_not_for_events(gatehouse: House, webhook: Any) -> None:
    hooks = gatehouse.new_service("roles/admin", scopes=["webhooks:write"]).webhooks
    changed = {"name": webhook.name, "url": "https://x.org/"}
    for send in (
        lambda: hooks.CreateWebhook(webhook={"url": URL}),
        lambda: hooks.UpdateWebhook(webhook=changed),
        lambda: hooks.RedeliverEvent(webhook=webhook.name, event=NO_EVENT),
    ):
        with refused(PERMISSION_DENIED, reason="SCOPE_MISSING") as refusal:
            send()
        assert "events:read" in refusal.message
    scopes = ["webhooks:write", "events:read"]
    allowed = gatehouse.new_service("roles/admin", scopes=scopes).webhooks
    assert allowed.UpdateWebhook(webhook=changed).webhook.url == "https://x.org/"


def test_what_decides_nothing_of_that_needs_no_such_right(webmaster: Person, webhook: Any) -> None:
    wanted = {"name": webhook.name, "description": "x"}
    assert webmaster.webhooks.UpdateWebhook(webhook=wanted).webhook.description == "x"
    assert webmaster.webhooks.RotateSecret(name=webhook.name).secret
    webmaster.webhooks.DeleteWebhook(name=webhook.name)


def test_a_new_secret_is_another_one_and_the_event_does_not_tell_it(
    gatehouse: House, admin: Person, made: Any
) -> None:
    answer = admin.webhooks.RotateSecret(name=made.webhook.name)
    assert answer.secret != made.secret
    assert answer.webhook.etag != made.webhook.etag
    assert events_of(gatehouse, made.webhook.name)[-1] == ("secret_rotated", {})


def test_the_pages_together_are_the_list_oldest_first(admin: Person) -> None:
    made = [admin.webhooks.CreateWebhook(webhook={"url": URL}).webhook.name for _ in range(7)]
    listed, token = [], ""
    while True:
        answer = admin.webhooks.ListWebhooks(page_size=3, page_token=token)
        listed += [it.name for it in answer.webhooks]
        token = answer.next_page_token
        if not token:
            break
    assert len(listed) == len(set(listed))
    assert [it for it in listed if it in made] == made
    for name in made:
        admin.webhooks.DeleteWebhook(name=name)


@pytest.mark.parametrize(
    "rpc", ["CreateWebhook", "UpdateWebhook", "DeleteWebhook", "RotateSecret", "PingWebhook"]
)
def test_every_mutation_can_be_repeated(admin: Person, webhook: Any, rpc: str) -> None:
    fields = {
        "CreateWebhook": {"webhook": {"url": URL}},
        "UpdateWebhook": {"webhook": {"name": webhook.name, "description": "x"}},
    }.get(rpc, {"name": webhook.name}) | {"request_id": str(uuid4())}
    call = getattr(admin.webhooks, rpc)
    assert call(**fields) == call(**fields)


def test_a_kept_answer_does_not_show_the_secret_in_the_database(
    gatehouse: House, admin: Person
) -> None:
    request_id = str(uuid4())
    answer = admin.webhooks.CreateWebhook(webhook={"url": URL}, request_id=request_id)
    [row] = gatehouse.sql("SELECT answer FROM requests WHERE id = :id", id=request_id)
    assert answer.secret.encode() not in bytes(row.answer)


def test_no_event_tells_a_secret_or_what_a_url_may_hold(
    gatehouse: House, admin: Person, made: Any
) -> None:
    admin.webhooks.UpdateWebhook(webhook={"name": made.webhook.name, "state": DISABLED})
    rotated = admin.webhooks.RotateSecret(name=made.webhook.name).secret
    told = str(events_of(gatehouse, made.webhook.name))
    for secret in ("T0K3N", "s3cret", made.secret, rotated):
        assert secret.removeprefix("whsec_") not in told
