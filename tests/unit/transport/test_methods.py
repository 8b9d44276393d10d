"""The contract's authorization rules: nonsense stops the start, paths are built from requests."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass

from service.kernel.call import Call
from service.kernel.errors import InvalidArgument
from service.kernel.principal import Principal
from service.transport.methods import Method, RuleMissing, methods_of
from service.wiring import SERVICES
from tests.support.protos import compiled

_NUMBERS = itertools.count(1)
THEN = datetime(2026, 1, 1, tzinfo=UTC)
CALL = Call("1", caller=Principal("users/7", "sessions/1", "t", frozenset(), THEN, THEN))
PROTO = """
syntax = "proto3";
package trial.rules%(number)d.v1;
import "gatehouse/options/v1/auth.proto";
message Ask {
  string name = 1;
  int32 number = 2;
  repeated string names = 3;
  Inner inner = 4;
  bytes raw = 5;
}
message Inner { string name = 1; }
service Rules { rpc Do(Ask) returns (Ask) { %(option)s } }
"""


def method(rule: str | None) -> Method:
    """The one method of a service whose rule it is."""
    number = next(_NUMBERS)
    option = "" if rule is None else f"option (gatehouse.options.v1.auth) = {{{rule}}};"
    text = PROTO % {"number": number, "option": option}
    file = compiled(text, name=f"trial/rules{number}.proto")
    [found] = methods_of(file.services_by_name.values()).values()
    return found


def path_of(template: str, **fields: Any) -> str:
    found = method(f'permission: "a.b" path: "{template}"')
    return found.rule.path(found.request(**fields), CALL)


def test_a_method_without_a_rule_stops_the_start() -> None:
    with pytest.raises(RuleMissing, match=r"Rules\.Do"):
        method(None)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        'scope: "a:read"',
        "public: false",
        "public: true authenticated: true",
        'public: true permission: "a.b" path: "/"',
        'authenticated: true permission: "a.b" path: "/"',
        'permission: "a.b"',
        'authenticated: true path: "/"',
        'public: true path: "/"',
    ],
)
def test_a_rule_that_makes_no_sense_stops_the_start(rule: str) -> None:
    with pytest.raises(RuleMissing, match=r"Rules\.Do"):
        method(rule)


@pytest.mark.parametrize("field", ["nobody", "inner", "inner.nobody", "number", "names", "raw"])
def test_a_path_that_names_no_text_of_the_request_stops_the_start(field: str) -> None:
    with pytest.raises(RuleMissing, match=field):
        method(f'permission: "a.b" path: "/{{{field}}}"')


@pytest.mark.parametrize("rule", ["public: true", 'authenticated: true scope: "a:read"'])
def test_a_rule_without_a_permission_has_no_path(rule: str) -> None:
    found = method(rule)
    assert found.rule.permission == ""
    with pytest.raises(LookupError):
        found.rule.path(found.request(), CALL)


@pytest.mark.parametrize(
    ("template", "fields", "path"),
    [
        ("/", {}, "/"),
        ("/users", {"name": "ignored"}, "/users"),
        ("/{name}", {"name": "users/7"}, "/users/7"),
        ("/{inner.name}", {"inner": {"name": "users/8"}}, "/users/8"),
        ("/{name}/sessions", {"name": "users/me"}, "/users/7/sessions"),
        ("/{name}", {"name": "users/me/x"}, "/users/me/x"),
        ("/a/{name}/b/{inner.name}", {"name": "1", "inner": {"name": "2"}}, "/a/1/b/2"),
    ],
)
def test_a_path_is_built_from_the_request(template: str, fields: Any, path: str) -> None:
    assert path_of(template, **fields) == path


@pytest.mark.parametrize(
    "name", ["", "/", "..", "users/..", "users/../groups/1", "users//1", "users/1/", "a\x00b"]
)
def test_a_request_that_makes_no_path_is_refused_at_its_field(name: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        path_of("/{inner.name}", inner={"name": name})
    assert [it.field for it in refusal.value.violations] == ["inner.name"]


def test_a_message_that_is_not_there_is_an_empty_field() -> None:
    with pytest.raises(InvalidArgument, match="must not be empty"):
        path_of("/{inner.name}")


def test_every_method_of_the_contract_has_a_rule() -> None:
    found = methods_of(SERVICES)
    assert len(found) == sum(len(service.methods) for service in SERVICES)


def test_every_guarded_method_asks_for_a_scope_or_says_why_not() -> None:
    without = {it.name for it in methods_of(SERVICES).values() if not it.rule.scope}
    public = {"Login", "RefreshToken", "ExchangeApiKey", "GetJwks"}
    public |= {"RequestPasswordReset", "ResetPassword", "VerifyEmail"}
    public |= {"BeginFederatedLogin", "CompleteFederatedLogin"}
    # Narrowing one's own token and asking who one is need no scope: any token may.
    assert without == public | {"ExchangeToken", "WhoAmI"}


def test_every_mutation_of_users_and_sessions_takes_a_request_id() -> None:
    for found in methods_of(SERVICES).values():
        if found.rule.scope in {"users:write", "sessions:write"}:
            assert found.request_id(found.request(request_id="x")), found.full_name


@pytest.mark.parametrize(
    ("client", "server", "kind"),
    [
        (False, False, "UNARY"),
        (False, True, "SERVER_STREAMING"),
        (True, False, "CLIENT_STREAMING"),
    ],
)
def test_kinds_are_named_as_the_metrics_label_them(client: bool, server: bool, kind: str) -> None:
    any_method = next(iter(methods_of(SERVICES).values()))
    found = Method(
        "s",
        "m",
        GetMessageClass(SERVICES[0].methods[0].input_type),
        client,
        server,
        any_method.rule,
        begins_with_header=False,
        request_id=lambda request: "",
    )
    assert (found.kind, found.full_name) == (kind, "/s/m")
