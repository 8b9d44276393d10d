"""The audit trail: every mutation is told, with who did it, where from, and what changed."""

import re
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from gatehouse.options.v1 import auth_pb2
from google.protobuf.json_format import MessageToDict

from service.kernel.events import Event
from service.settings.values import Rate
from tests.support.clients import Person, every_method
from tests.support.files import upload
from tests.support.house import PASSWORD, House, new_email
from tests.support.refusals import RESOURCE_EXHAUSTED, UNAUTHENTICATED, refused

NEW = "eleven green lanterns hum"
Mutation = Callable[[House, Person, Person], Any]


def _role(house: House, admin: Person, ada: Person) -> str:
    name = f"roles/r{uuid4().hex}"
    admin.roles.CreateRole(role={"name": name, "permissions": ["documents.read"]})
    return name


def _group(house: House, admin: Person, ada: Person) -> str:
    return str(admin.groups.CreateGroup(group={}).group.name)


def _member(house: House, admin: Person, ada: Person) -> str:
    name = _group(house, admin, ada)
    admin.groups.AddMember(group=name, member=ada.name)
    return name


def _service(house: House, admin: Person, ada: Person) -> str:
    made = admin.service_accounts.CreateServiceAccount(service_account={})
    return str(made.service_account.name)


def _file(house: House, admin: Person, ada: Person) -> str:
    name = f"files/{uuid4().hex}"
    upload(admin, name, b"content")
    return name


def _webhook(house: House, admin: Person, ada: Person) -> str:
    wanted = {"url": "https://example.com/", "event_types": ["never."]}
    return str(admin.webhooks.CreateWebhook(webhook=wanted).webhook.name)


# By RPC: what is told of it, without `gatehouse.`; what the event's data has; and how it is done.
TOLD: dict[str, tuple[str, str, Mutation]] = {
    "CreateUser": (
        "users.created",
        "after",
        lambda house, admin, ada: admin.users.CreateUser(user={"email": new_email()}),
    ),
    "UpdateUser": (
        "users.updated",
        "fields",
        lambda house, admin, ada: admin.users.UpdateUser(
            user={"name": ada.name, "display_name": "Augusta"}
        ),
    ),
    "SuspendUser": (
        "users.suspended",
        "before after",
        lambda house, admin, ada: admin.users.SuspendUser(name=ada.name),
    ),
    "ReactivateUser": (
        "users.reactivated",
        "before after",
        lambda house, admin, ada: (
            admin.users.SuspendUser(name=ada.name),
            admin.users.ReactivateUser(name=ada.name),
        ),
    ),
    "DeleteUser": (
        "users.deleted",
        "",
        lambda house, admin, ada: admin.users.DeleteUser(name=ada.name),
    ),
    "CreateGroup": ("groups.created", "", _group),
    "UpdateGroup": (
        "groups.updated",
        "fields",
        lambda *them: them[1].groups.UpdateGroup(
            group={"name": _group(*them), "description": "new"}
        ),
    ),
    "DeleteGroup": (
        "groups.deleted",
        "",
        lambda *them: them[1].groups.DeleteGroup(name=_group(*them)),
    ),
    "AddMember": ("groups.member_added", "member", _member),
    "RemoveMember": (
        "groups.member_removed",
        "member",
        lambda *them: them[1].groups.RemoveMember(group=_member(*them), member=them[2].name),
    ),
    "CreateServiceAccount": ("serviceaccounts.created", "", _service),
    "UpdateServiceAccount": (
        "serviceaccounts.updated",
        "fields",
        lambda *them: them[1].service_accounts.UpdateServiceAccount(
            service_account={"name": _service(*them), "description": "new"}
        ),
    ),
    "DeleteServiceAccount": (
        "serviceaccounts.deleted",
        "",
        lambda *them: them[1].service_accounts.DeleteServiceAccount(name=_service(*them)),
    ),
    "CreateApiKey": (
        "serviceaccounts.api_key_created",
        "key scopes expire_time",
        lambda *them: them[0].new_key(_service(*them)),
    ),
    "RevokeApiKey": (
        "serviceaccounts.api_key_revoked",
        "key",
        lambda *them: them[1].service_accounts.RevokeApiKey(
            name=them[0].new_key(_service(*them)).api_key.name
        ),
    ),
    "CreateRole": ("roles.created", "after", _role),
    "UpdateRole": (
        "roles.updated",
        "fields before after",
        lambda *them: them[1].roles.UpdateRole(
            role={"name": _role(*them), "permissions": ["documents.write"]}
        ),
    ),
    "DeleteRole": (
        "roles.deleted",
        "before",
        lambda *them: them[1].roles.DeleteRole(name=_role(*them)),
    ),
    "CreateGrant": (
        "grants.created",
        "grant path role effect expire_time",
        lambda house, admin, ada: house.grant(ada.name, "roles/member", "/told"),
    ),
    "DeleteGrant": (
        "grants.deleted",
        "grant path role effect expire_time",
        lambda house, admin, ada: admin.access.DeleteGrant(
            name=house.grant(ada.name, "roles/member", "/told").name
        ),
    ),
    "UploadFile": ("files.uploaded", "after", _file),
    "UpdateFile": (
        "files.updated",
        "fields before after",
        lambda *them: them[1].files.UpdateFile(
            file={"name": _file(*them), "content_type": "text/plain"}
        ),
    ),
    "MoveFile": (
        "files.moved",
        "destination",
        lambda *them: them[1].files.MoveFile(name=_file(*them), destination=f"files/{uuid4().hex}"),
    ),
    "DeleteFile": (
        "files.deleted",
        "before",
        lambda *them: them[1].files.DeleteFile(name=_file(*them)),
    ),
    "RevokeSession": (
        "sessions.revoked",
        "session",
        lambda house, admin, ada: admin.sessions.RevokeSession(name=ada.session),
    ),
    "RevokeAllSessions": (
        "sessions.revoked",
        "session",
        lambda house, admin, ada: admin.sessions.RevokeAllSessions(subject=ada.name),
    ),
    "Logout": ("sessions.revoked", "session", lambda house, admin, ada: ada.auth.Logout()),
    "Login": ("auth.sign_in", "session", lambda house, admin, ada: house.sign_in(ada.credentials)),
    "ChangePassword": (
        "users.password_changed",
        "",
        lambda house, admin, ada: ada.auth.ChangePassword(
            current_password=PASSWORD, new_password=NEW
        ),
    ),
    "CreateWebhook": ("webhooks.created", "after", _webhook),
    "UpdateWebhook": (
        "webhooks.updated",
        "fields before after",
        lambda *them: them[1].webhooks.UpdateWebhook(
            webhook={"name": _webhook(*them), "url": "https://example.org/"}
        ),
    ),
    "DeleteWebhook": (
        "webhooks.deleted",
        "before",
        lambda *them: them[1].webhooks.DeleteWebhook(name=_webhook(*them)),
    ),
    "RotateSecret": (
        "webhooks.secret_rotated",
        "",
        lambda *them: them[1].webhooks.RotateSecret(name=_webhook(*them)),
    ),
}
# The other RPCs, and why they are not above.
ELSEWHERE = {
    "BeginFederatedLogin": "changes nothing",
    "CompleteFederatedLogin": "tests/e2e/federation/test_accounts.py",
    "RequestPasswordReset": "tests/e2e/mail/test_password_reset.py: the worker tells of it",
    "ResetPassword": "tests/e2e/mail/test_password_reset.py",
    "RequestEmailVerification": "tests/e2e/mail/test_email_verification.py",
    "VerifyEmail": "tests/e2e/mail/test_email_verification.py",
    "RefreshToken": "told only where a setting asks: below",
    "ExchangeApiKey": "told only where a setting asks: below",
    "PingWebhook": "tests/e2e/webhooks/test_sending.py",
    "RedeliverEvent": "tests/e2e/webhooks/test_sending.py",
}
# What the data of events has besides: of those told elsewhere, and where there is more to tell.
BESIDES = {
    "auth.sign_in": "provider",
    "auth.sign_in_refused": "key provider cause",
    "auth.token_exchanged": "session scopes audience",
    "auth.identity_linked": "provider before after",
    "auth.password_reset_requested": "",
    "auth.email_verification_requested": "",
    "auth.email_verified": "",
    "auth.signing_key_created": "",
    "sessions.refreshed": "session",
    "sessions.refresh_token_reused": "session",
    "users.password_changed": "reset unlinked before after",
    "serviceaccounts.suspended": "before after",
    "serviceaccounts.reactivated": "before after",
    "files.uploaded": "before",
    "webhooks.pinged": "",
    "webhooks.redelivered": "event",
    "webhooks.disabled": "reason",
    "events.archived": "events",
}


def types() -> set[str]:
    """Every type of event there is, without `gatehouse.`."""
    found, left = set(), [Event]
    while left:
        for kind in left.pop().__subclasses__():
            left.append(kind)
            if kind.__module__.startswith("service."):
                found.add(kind.type.removeprefix("gatehouse."))
    return found


def documented() -> dict[str, set[str]]:
    """By type: what docs/events.md says that data has. Only keys are in backticks there."""
    found = {}
    for row in Path("docs/events.md").read_text().splitlines():
        if row.startswith("| `gatehouse."):
            kinds, _, data = row.strip("|").split("|")
            for kind in re.findall(r"`gatehouse\.([a-z_.]+)`", kinds):
                found[kind] = set(re.findall(r"`([^`]+)`", data))
    return found


def now(watcher: Person) -> str:
    """The newest event."""
    return str(watcher.events.ListEvents(page_size=1).events[0].id)


def of_type(watcher: Person, kind: str, before: str) -> list[Any]:
    """What was told of a type since an event."""
    newest = iter(watcher.events.ListEvents(page_size=1000).events)
    since = list(takewhile(lambda event: event.id != before, newest))
    return [event for event in reversed(since) if event.type == f"gatehouse.{kind}"]


@pytest.mark.parametrize("rpc", TOLD)
def test_every_mutation_is_told(
    gatehouse: House, admin: Person, auditor: Person, ada: Person, rpc: str
) -> None:
    kind, data, mutate = TOLD[rpc]
    before = now(auditor)
    mutate(gatehouse, admin, ada)
    told = of_type(auditor, kind, before)
    assert told
    assert all(event.peer_address == "127.0.0.1" and event.request_id for event in told)
    who = {""} if rpc == "Login" else {admin.name, ada.name}
    assert {event.actor for event in told} <= who
    assert [{*event.data} for event in told] == [{*data.split()}] * len(told)


def test_no_mutation_is_forgotten_here() -> None:
    mutating = {
        method.name
        for method in every_method()
        if (rule := method.GetOptions().Extensions[auth_pb2.auth])
        and (rule.public or rule.scope.endswith(":write"))
    }
    assert mutating - {"GetJwks"} == {*TOLD, *ELSEWHERE}


def test_a_changed_state_is_told_with_what_it_was(
    gatehouse: House, admin: Person, auditor: Person, ada: Person
) -> None:
    before = now(auditor)
    admin.users.SuspendUser(name=ada.name)
    [event] = of_type(auditor, "users.suspended", before)
    assert (event.subject, event.actor) == (ada.name, admin.name)
    assert MessageToDict(event.data) == {
        "before": {"state": "ACTIVE"},
        "after": {"state": "SUSPENDED"},
    }


@pytest.mark.parametrize("gone", ["user", "group", "service account"])
def test_grants_and_memberships_that_go_with_a_subject_are_told_too(
    gatehouse: House, admin: Person, auditor: Person, ada: Person, gone: str
) -> None:
    them = (gatehouse, admin, ada)
    subject, delete = {
        "user": (ada.name, admin.users.DeleteUser),
        "group": (_group(*them), admin.groups.DeleteGroup),
        "service account": (_service(*them), admin.service_accounts.DeleteServiceAccount),
    }[gone]
    team, other = _group(*them), gatehouse.new_user().name
    admin.groups.AddMember(group=team, member=subject)
    gatehouse.grant(subject, "roles/member", "/told")
    gatehouse.grant(other, "roles/member", f"/{subject}")
    before = now(auditor)
    delete(name=subject)
    taken = {
        (event.subject, event.data["path"]) for event in of_type(auditor, "grants.deleted", before)
    }
    assert taken == {(subject, "/told"), (other, f"/{subject}")}
    [left] = of_type(auditor, "groups.member_removed", before)
    assert (left.subject, left.data["member"]) == (team, subject)


def test_what_people_are_called_is_told_to_nobody(
    admin: Person, auditor: Person, ada: Person
) -> None:
    before = now(auditor)
    admin.users.UpdateUser(user={"name": ada.name, "display_name": "Augusta", "email": new_email()})
    [event] = of_type(auditor, "users.updated", before)
    assert MessageToDict(event.data) == {"fields": ["display_name", "email"]}


def test_a_refused_sign_in_is_told(gatehouse: House, auditor: Person, ada: Person) -> None:
    before = now(auditor)
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        gatehouse.anonymous.auth.Login(email=ada.email, password="wrong")
    [event] = of_type(auditor, "auth.sign_in_refused", before)
    assert (event.subject, event.actor) == (ada.name, "")


def test_of_throttled_sign_ins_one_a_minute_is_told(open_house: Callable[..., House]) -> None:
    house = open_house(login_rate=Rate(2, 60))
    ada = house.new_user()
    before = now(house.admin)
    for _ in range(5):
        with refused(RESOURCE_EXHAUSTED, reason="SIGN_IN_THROTTLED"):
            for _ in range(3):
                house.anonymous.auth.Login(email=ada.email, password=PASSWORD)
    told = of_type(house.admin, "auth.sign_in_refused", before)
    assert [(event.subject, event.data["cause"]) for event in told] == [(ada.name, "throttled")]


def test_refreshes_and_exchanges_are_told_where_a_setting_asks(
    open_house: Callable[..., House],
) -> None:
    house = open_house(audit_tokens=True)
    before = now(house.admin)
    house.anonymous.auth.RefreshToken(refresh_token=house.admin.tokens.refresh_token)
    service = house.new_service()
    service.auth.ExchangeToken(audience="billing")
    [refreshed] = of_type(house.admin, "sessions.refreshed", before)
    assert refreshed.subject == house.admin.name
    [key, token] = of_type(house.admin, "auth.token_exchanged", before)
    assert [key.subject, token.subject] == [service.name, service.name]
    assert token.data["audience"] == "billing"
    assert {*key.data} == {*token.data} == {"session", "scopes", "audience"}


def test_otherwise_they_are_only_counted(gatehouse: House, auditor: Person, ada: Person) -> None:
    before = now(auditor)
    gatehouse.anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token)
    ada.auth.ExchangeToken()
    assert not of_type(auditor, "sessions.refreshed", before)
    assert not of_type(auditor, "auth.token_exchanged", before)


def test_every_type_is_documented_with_its_data() -> None:
    told: dict[str, set[str]] = {kind: set() for kind in types()}
    for kind, data in [*BESIDES.items(), *((kind, data) for kind, data, _ in TOLD.values())]:
        told[kind] |= {*data.split()}
    assert documented() == told
