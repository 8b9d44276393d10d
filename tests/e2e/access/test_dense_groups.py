"""What is explained of somebody in very many groups, each in many others, has an end."""

from collections.abc import Iterator

import pytest

from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings

LAYERS, WIDTH, CHAIN = 8, 20, 100
_SUBJECTS = "INSERT INTO subjects (name, state) SELECT unnest(CAST(:names AS text[])), 'ACTIVE'"
_MEMBERS = """
INSERT INTO memberships (group_name, member)
SELECT * FROM unnest(CAST(:groups AS text[]), CAST(:members AS text[]))
"""
_GRANTS = """
INSERT INTO grants (id, path, role, subject)
SELECT gen_random_uuid(), '/p', 'roles/member', unnest(CAST(:names AS text[]))
"""


@pytest.fixture(scope="module")
def dense(databases: Databases) -> Iterator[House]:
    """A house of one's own, for its groups come behind the service's back."""
    with house(databases.new(), settings()) as running:
        yield running


def make(dense: House, who: Person, layers: list[list[str]]) -> set[tuple[str, str]]:
    """Each group is in all of the next layer, and has a grant; somebody is in the first."""
    names = [name for layer in layers for name in layer]
    lower = [[who.name], *layers]
    edges = {
        (up, low) for one, other in zip(layers, lower, strict=False) for up in one for low in other
    }
    groups, members = zip(*edges, strict=True)
    dense.sql(_SUBJECTS, names=names)
    dense.sql(_MEMBERS, groups=list(groups), members=list(members))
    dense.sql(_GRANTS, names=names)
    return edges


@pytest.mark.parametrize(("layers", "width"), [(LAYERS, WIDTH), (CHAIN, 2)])
def test_a_hundred_steps_are_told_each_with_the_groups_it_comes_by(
    dense: House, layers: int, width: int
) -> None:
    who = dense.new_person()
    tag = f"groups/l{layers}"
    named = [[f"{tag}-{layer:03}-{n}" for n in range(width)] for layer in range(layers)]
    edges = make(dense, who, named)
    answer = who.access.ExplainAccess(permission="users.read", path="/p/a")
    assert answer.allowed
    assert len(answer.steps) == 100
    assert len({step.grant for step in answer.steps}) == 100
    for step in answer.steps:
        way = [who.name, *step.groups]
        assert set(zip(step.groups, way, strict=False)) <= edges
        assert len(step.groups) == 1 + int(step.groups[-1].split("-")[1]), "no way is shorter"
    assert answer.ByteSize() < 4 * 2**20
