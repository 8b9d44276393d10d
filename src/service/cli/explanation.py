"""Why someone may or may not, as a tree, and what would change it."""

import shlex
from collections.abc import Iterator

from gatehouse.access.v1.access_service_pb2 import ExplainAccessResponse
from gatehouse.access.v1.explanation_pb2 import ExplanationStep
from gatehouse.access.v1.grant_pb2 import EFFECT_DENY
from rich.text import Text
from rich.tree import Tree

from service.cli.people import People
from service.cli.screen import printable, when

# Nobody shall be put in charge by pasting.
_TOO_MUCH = {"roles/owner", "roles/admin"}


def tree_of(answer: ExplainAccessResponse, question: str) -> Tree:
    """Who asked is the root; from there by groups to roles, where they were given, and by what."""
    said = ("allowed", "bold green") if answer.allowed else ("not allowed", "bold red")
    tree = Tree(Text.assemble(said, f": {printable(question).plain}"), guide_style="dim")
    denied = answer.HasField("denied_by")
    if denied:
        _add(tree, answer.denied_by, overruled=False)
    for step in answer.steps:
        _add(tree, step, overruled=denied)
    if not tree.children:
        # Where a grant would not help either, the server's words say why.
        helps = answer.HasField("smallest_grant")
        tree.add(Text("no grant applies", "dim") if helps else printable(answer.explanation))
    return tree


def ways_out(answer: ExplainAccessResponse, permission: str, people: People) -> Iterator[str]:
    """What would make it allowed: a line for people, then the commands for it, indented."""
    if answer.HasField("denied_by") and answer.denied_by.grant:
        yield "While that stands, nothing else allows it. To take it back:"
        yield f"  gatehouse grants delete {answer.denied_by.grant}"
    elif answer.HasField("smallest_grant"):
        grant = answer.smallest_grant
        subject = people.short(grant.subject)
        if grant.role and grant.role not in _TOO_MUCH:
            yield "The smallest grant that would allow it:"
            yield _command("grants", "create", grant.path, grant.role, subject)
        else:
            least = f"The smallest role with the permission is {grant.role}. For a smaller one:"
            yield least if grant.role else "No role has the permission yet. To make one:"
            yield _command("roles", "create", "ROLE", permission)
            yield _command("grants", "create", grant.path, "ROLE", subject)


def _add(tree: Tree, step: ExplanationStep, *, overruled: bool) -> None:
    at = tree
    for group in step.groups or (["everyone"] if step.subject == "everyone" else []):
        at = _child(at, printable(group))
    denies = step.effect == EFFECT_DENY
    style = "dim" if overruled else "red" if denies else ""
    label = Text(style=style)
    does = "denies" if denies else "allows"
    label.append(f"{step.role or 'being their own'} {does} {step.permission} on ")
    label.append(printable(step.path))
    if overruled:
        label.append(", overruled")
    at = _child(at, label)
    if step.grant:
        until = f", until {when(step.expire_time)}" if step.HasField("expire_time") else ""
        at.add(Text(f"{step.grant}{until}", style="dim"))


def _child(tree: Tree, label: Text) -> Tree:
    """The branch of that label, which other steps may have grown."""
    for child in tree.children:
        if isinstance(child.label, Text) and child.label.plain == label.plain:
            return child
    return tree.add(label)


def _command(*words: str) -> str:
    return f"  gatehouse {shlex.join(words)}"
