"""What somebody reaches in a deep tree, listed in pages: complete, in order, and as decided."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.access.models import Check, Effect, Reached
from service.kernel import paths as kernel_paths
from service.storage.pages import PageRequest
from tests.integration.access.steps import ADA
from tests.integration.access.world import ANY, World
from tests.support.oracle import covers

ALLOW, DENY = Effect.ALLOW, Effect.DENY
READ, READER, GROUP = "docs.read", "roles/reader", "groups/a"
# In the order of bytes some of these come before "/" and some after it.
_SEGMENTS = st.sampled_from(["a", "a.", "a b", "a0", "é🦀"])
TREE = st.lists(_SEGMENTS, max_size=3).map(lambda segments: "/" + "/".join(segments))
GRANTS = st.lists(
    st.tuples(TREE, st.sampled_from(list(Effect)), st.sampled_from([ADA, GROUP, "everyone"])),
    min_size=5,
    max_size=14,
    unique=True,
)


def pages(world: World, under: str, size: int) -> list[list[Reached]]:
    found, token, call = [], "", world.as_(ADA)
    while True:
        request = PageRequest(size, token, "the same")
        page, _ = world.here.access.list_access(call, ADA, READ, under, request, ANY)
        found.append(page.items)
        if not (token := page.next_page_token):
            return found


@given(grants=GRANTS, asked=st.lists(TREE, min_size=1, max_size=3), size=st.integers(1, 3))
@example([("/a", DENY, ADA), ("/a0", ALLOW, ADA), ("/a.", ALLOW, ADA)], ["/a0"], 1)
@example([("/a", ALLOW, ADA), ("/a0", DENY, ADA), ("/a.", DENY, ADA)], ["/a0"], 1)
@example([("/a", ALLOW, ADA), ("/a/a", DENY, ADA), ("/a/a/a", ALLOW, ADA)], ["/a/a/a"], 1)
@settings(max_examples=35, deadline=None, derandomize=True)
def test_the_pages_together_say_of_every_path_what_is_decided(
    two_replicas: World, grants: list[Any], asked: list[str], size: int
) -> None:
    world = two_replicas.built([("join", GROUP, ADA)])
    world.take([("grant", who, path, READER, effect, None) for path, effect, who in grants])
    places = {*asked, *(path for path, _, _ in grants), *(f"{it[0]}/below" for it in grants)}
    places = {it.replace("//", "/") for it in places}
    decided = world.decide([Check(ADA, READ, it) for it in sorted(places)])
    allowed = dict(zip(sorted(places), decided, strict=True))
    for under in {"/", *asked}:
        small, [whole] = pages(world, under, size), pages(world, under, 1000)
        assert [it for page in small for it in page] == whole
        assert all(len(page) == size for page in small[:-1])
        denied = {it.path: it.denied for it in whole}
        assert list(denied) == sorted(denied, key=str.encode)
        for path in places:
            if covers(under, path):
                above = [it for it in kernel_paths.ancestors(path) if it in denied]
                assert (bool(above) and not denied[above[0]]) is allowed[path], (path, whole)
