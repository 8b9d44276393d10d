"""Every RPC against every kind of caller, as the contract's own options say."""

from collections.abc import Callable
from functools import cache

import grpc
import pytest
from buf.validate import validate_pb2
from gatehouse.options.v1 import auth_pb2, rules_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from service.access.models import Permissions
from tests.support.clients import Client, every_method
from tests.support.house import House
from tests.support.refusals import PERMISSION_DENIED, UNAUTHENTICATED, read

NO_ID = "0190a5b4-0000-7000-8000-000000000000"
OTHERS = {
    rules_pb2.access_path: "/nowhere",
    rules_pb2.api_key_name: f"serviceAccounts/nobody/apiKeys/{NO_ID}",
    rules_pb2.file_name: "files/nowhere",
    rules_pb2.group_name: "groups/nobody",
    rules_pb2.role_name: "roles/nobody",
    rules_pb2.service_account_name: "serviceAccounts/nobody",
    rules_pb2.session_name: f"sessions/{NO_ID}",
    rules_pb2.subject_name: f"users/{NO_ID}",
    rules_pb2.user_name: f"users/{NO_ID}",
    rules_pb2.webhook_name: f"webhooks/{NO_ID}",
    rules_pb2.caller_name: f"users/{NO_ID}",
}
STRANGERS = {
    "anonymous": "TOKEN_MISSING",
    "expired": "TOKEN_EXPIRED",
    "suspended": "SESSION_REVOKED",
    "deleted": "SESSION_REVOKED",
    "revoked": "SESSION_REVOKED",
    "suspended service": "SESSION_REVOKED",
    "service whose key was revoked": "SESSION_REVOKED",
    "forged": "TOKEN_INVALID",
}
KNOWN = ["nobody special", "member", "auditor", "admin", "owner", "service", "service as admin"]
NOT_YET = {"TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED", "SESSION_REVOKED"}


def _suspended(gatehouse: House) -> Client:
    person = gatehouse.new_person("roles/admin")
    gatehouse.admin.users.SuspendUser(name=person.name)
    return person


def _deleted(gatehouse: House) -> Client:
    person = gatehouse.new_person("roles/admin")
    gatehouse.admin.users.DeleteUser(name=person.name)
    return person


def _revoked(gatehouse: House) -> Client:
    person = gatehouse.new_person("roles/admin")
    person.auth.Logout()
    return person


def _suspended_service(gatehouse: House) -> Client:
    service = gatehouse.new_service("roles/admin")
    gatehouse.admin.service_accounts.UpdateServiceAccount(
        service_account={"name": service.name, "state": "STATE_SUSPENDED"}
    )
    return service


def _service_without_its_key(gatehouse: House) -> Client:
    service = gatehouse.new_service("roles/admin")
    accounts = gatehouse.admin.service_accounts
    [key] = accounts.ListApiKeys(service_account=service.name).api_keys
    accounts.RevokeApiKey(name=key.name)
    return service


MAKE: dict[str, Callable[[House], Client]] = {
    "anonymous": lambda gatehouse: gatehouse.anonymous,
    "expired": lambda gatehouse: gatehouse.worn_out(gatehouse.admin),
    "suspended": _suspended,
    "deleted": _deleted,
    "revoked": _revoked,
    "forged": lambda gatehouse: gatehouse.anonymous.bearing("e30.e30.e30"),
    "nobody special": lambda gatehouse: gatehouse.new_person(),
    "member": lambda gatehouse: gatehouse.new_person("roles/member"),
    "auditor": lambda gatehouse: gatehouse.new_person("roles/auditor"),
    "admin": lambda gatehouse: gatehouse.new_person("roles/admin"),
    "owner": lambda gatehouse: gatehouse.new_person("roles/owner"),
    "service": lambda gatehouse: gatehouse.new_service(),
    "service as admin": lambda gatehouse: gatehouse.new_service("roles/admin"),
    "suspended service": _suspended_service,
    "service whose key was revoked": _service_without_its_key,
}


@pytest.fixture(scope="module")
def caller(gatehouse: House) -> Callable[[str, MethodDescriptor], Client]:
    """Somebody of a kind: the same for each RPC that can do nothing to its own caller."""
    shared = cache(lambda who: MAKE[who](gatehouse))

    def find(who: str, rpc: MethodDescriptor) -> Client:
        if who in STRANGERS or rule_of(rpc).permission:
            return shared(who)
        return MAKE[who](gatehouse)

    return find


def rule_of(rpc: MethodDescriptor) -> auth_pb2.Auth:
    return rpc.GetOptions().Extensions[auth_pb2.auth]


def a_request(client: Client, rpc: MethodDescriptor) -> Message:
    """A request about somebody else: enough for a path, too little for more than an empty file."""
    request = client.method(rpc).request()
    template = rule_of(rpc).path
    while "{" in template:
        _, _, rest = template.partition("{")
        field, _, template = rest.partition("}")
        *above, last = field.split(".")
        target = request
        for name in above:
            target = getattr(target, name)
        setattr(target, last, _somebody_else(target.DESCRIPTOR.fields_by_name[last]))
    return request


def _somebody_else(field: FieldDescriptor) -> str:
    """A name, or a path, as the field's own rule wants it."""
    rules = field.GetOptions().Extensions[validate_pb2.field].string
    return next(name for rule, name in OTHERS.items() if rules.HasExtension(rule))


def reason(client: Client, rpc: MethodDescriptor) -> str:
    """Why the call is refused, if it is."""
    try:
        answer = client.method(rpc)(a_request(client, rpc))
        if hasattr(answer, "cancel"):
            next(answer)
            answer.cancel()
    except grpc.RpcError as error:
        refusal = read(error)
        if refusal.reason in NOT_YET:
            assert refusal.code is UNAUTHENTICATED
        if refusal.reason in {"SCOPE_MISSING", "PERMISSION_MISSING"}:
            assert refusal.code is PERMISSION_DENIED
        return refusal.reason
    return ""


EVERY = pytest.mark.parametrize("rpc", list(every_method()), ids=lambda it: it.name)


@EVERY
@pytest.mark.parametrize("who", STRANGERS)
def test_who_is_not_let_in(
    caller: Callable[[str, MethodDescriptor], Client], rpc: MethodDescriptor, who: str
) -> None:
    told = reason(caller(who, rpc), rpc)
    if rule_of(rpc).public:
        assert told not in NOT_YET
    else:
        assert told == STRANGERS[who]


@EVERY
@pytest.mark.parametrize("who", KNOWN)
def test_who_is_let_in_may_what_their_role_may(
    gatehouse: House,
    caller: Callable[[str, MethodDescriptor], Client],
    rpc: MethodDescriptor,
    who: str,
) -> None:
    rule = rule_of(rpc)
    named = f"roles/{who.rpartition(' ')[2]}"
    rows = gatehouse.sql("SELECT permission FROM role_permissions WHERE role = :r", r=named)
    role = Permissions([row.permission for row in rows])
    may = not rule.permission or role.allows(rule.permission)
    told = reason(caller(who, rpc), rpc)
    assert told not in {*NOT_YET, "INTERNAL"}
    if rule.permission:
        assert (told == "PERMISSION_MISSING") is not may


@EVERY
@pytest.mark.parametrize("scope", ["nothing:read", "nothing:write"])
def test_a_token_for_something_else_is_refused_whatever_its_role(
    caller: Callable[[str, MethodDescriptor], Client], rpc: MethodDescriptor, scope: str
) -> None:
    owner = caller("owner", rpc)
    narrow = owner.bearing(owner.auth.ExchangeToken(scopes=[scope]).tokens.access_token)
    assert (reason(narrow, rpc) == "SCOPE_MISSING") is bool(rule_of(rpc).scope)


@pytest.mark.parametrize(
    "rpc", [it for it in every_method() if rule_of(it).scope], ids=lambda it: it.name
)
def test_the_scope_that_a_method_asks_for_is_enough(
    caller: Callable[[str, MethodDescriptor], Client], rpc: MethodDescriptor
) -> None:
    owner = caller("owner", rpc)
    scopes = [rule_of(rpc).scope]
    narrow = owner.bearing(owner.auth.ExchangeToken(scopes=scopes).tokens.access_token)
    assert reason(narrow, rpc) not in {"SCOPE_MISSING", "PERMISSION_MISSING", *NOT_YET}
