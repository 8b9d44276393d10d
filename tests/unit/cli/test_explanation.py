"""Why someone may or may not, as people see it."""

import pytest
from gatehouse.access.v1.access_service_pb2 import ExplainAccessResponse
from gatehouse.access.v1.explanation_pb2 import ExplanationStep, SuggestedGrant
from gatehouse.access.v1.grant_pb2 import EFFECT_ALLOW, EFFECT_DENY
from google.protobuf.timestamp_pb2 import Timestamp

from service.cli.explanation import tree_of, ways_out
from service.cli.screen import Screen


def step(*groups: str, **said: object) -> ExplanationStep:
    whole = {
        "role": "roles/editor",
        "permission": "documents.*",
        "grant": "grants/1",
        "path": "/projects",
        "subject": groups[-1] if groups else "users/1",
        "effect": EFFECT_ALLOW,
    }
    return ExplanationStep(groups=groups, **(whole | said))  # type: ignore[arg-type]


def shown(capsys: pytest.CaptureFixture[str], answer: ExplainAccessResponse) -> str:
    Screen(as_json=False).tree(tree_of(answer, "documents.read on /projects/a for ada"))
    return capsys.readouterr().out


class Strangers:
    """Nobody whose address is known."""

    def short(self, subject: str) -> str:
        return subject


def ways(answer: ExplainAccessResponse) -> list[str]:
    return list(ways_out(answer, "documents.read", Strangers()))  # type: ignore[arg-type]


def test_every_way_is_a_branch_and_groups_are_shared(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ExplainAccessResponse(
        allowed=True,
        steps=[
            step("groups/apollo", "groups/staff"),
            step("groups/apollo", role="roles/reader", path="/", grant="grants/2"),
            step(grant="grants/3", expire_time=Timestamp(seconds=86400 * 365)),
        ],
    )
    assert shown(capsys, answer).splitlines() == [
        "allowed: documents.read on /projects/a for ada",
        "├── groups/apollo",
        "│   ├── groups/staff",
        "│   │   └── roles/editor allows documents.* on /projects",
        "│   │       └── grants/1",
        "│   └── roles/reader allows documents.* on /",
        "│       └── grants/2",
        "└── roles/editor allows documents.* on /projects",
        "    └── grants/3, until 1971-01-01 00:00",
    ]
    assert ways(answer) == []


def test_what_is_given_to_everyone_and_what_is_ones_own_say_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = step(role="", grant="", permission="files.*", path="/files/users/1")
    answer = ExplainAccessResponse(allowed=True, steps=[own, step(subject="everyone")])
    assert shown(capsys, answer).splitlines()[1:4] == [
        "├── being their own allows files.* on /files/users/1",
        "└── everyone",
        "    └── roles/editor allows documents.* on /projects",
    ]


def test_a_denial_comes_first_and_overrules_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    denial = step("groups/externals", effect=EFFECT_DENY, grant="grants/9", path="/")
    answer = ExplainAccessResponse(steps=[step()], denied_by=denial)
    assert shown(capsys, answer).splitlines() == [
        "not allowed: documents.read on /projects/a for ada",
        "├── groups/externals",
        "│   └── roles/editor denies documents.* on /",
        "│       └── grants/9",
        "└── roles/editor allows documents.* on /projects, overruled",
        "    └── grants/1",
    ]
    assert ways(answer)[1:] == ["  gatehouse grants delete grants/9"]


def test_a_refusal_ends_with_the_command_that_would_allow_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    smallest = SuggestedGrant(path="/projects/the lander", role="roles/reader", subject="users/1")
    answer = ExplainAccessResponse(smallest_grant=smallest)
    assert "no grant applies" in shown(capsys, answer)
    assert ways(answer)[1:] == [
        "  gatehouse grants create '/projects/the lander' roles/reader users/1"
    ]


@pytest.mark.parametrize(
    ("role", "line"),
    [
        ("", "No role has the permission yet. To make one:"),
        ("roles/admin", "The smallest role with the permission is roles/admin. For a smaller one:"),
        ("roles/owner", "The smallest role with the permission is roles/owner. For a smaller one:"),
    ],
)
def test_nobody_is_put_in_charge_by_pasting(role: str, line: str) -> None:
    smallest = SuggestedGrant(path="/a", role=role, subject="everyone")
    assert ways(ExplainAccessResponse(smallest_grant=smallest)) == [
        line,
        "  gatehouse roles create ROLE documents.read",
        "  gatehouse grants create /a ROLE everyone",
    ]


def test_what_no_grant_can_change_is_said_in_the_servers_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = ExplainAccessResponse(explanation="users/1 is suspended.")
    assert shown(capsys, answer).splitlines()[1:] == ["└── users/1 is suspended."]
    assert ways(answer) == []


def test_names_by_strangers_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ExplainAccessResponse(allowed=True, steps=[step(path="/a\u202eb")])
    assert r"/a\u202eb" in shown(capsys, answer)
