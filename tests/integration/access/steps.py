"""Who there is, what there is, and what can happen, for histories that hypothesis makes up."""

from hypothesis import strategies as st

from service.access.models import Effect, State

USERS = [f"users/0190a5b4-0000-7000-8000-00000000000{number}" for number in (1, 2, 3)]
ADA = USERS[0]
BOT = "serviceAccounts/bot"
GROUPS = ["groups/a", "groups/b", "groups/c"]
SUBJECTS = [*USERS, BOT, *GROUPS]
NOBODY = "users/0190a5b4-0000-7000-8000-000000000009"
ROLES = {
    "roles/reader": {"docs.read"},
    "roles/writer": {"docs.read", "docs.write"},
    "roles/docs": {"docs.*", "grants.delete"},
    "roles/all": {"*"},
    "roles/own": {"users.read", "files.*"},
}
PERMISSIONS = ["docs.read", "docs.write", "files.read", "users.read", "nobody.knows"]
# Names that sort next to a slash are there, because what lies below a path is a range of them.
PATHS = ["/", "/a", "/a/b", "/a/b/c", "/a/b.c", "/a/b0", "/files", f"/files/{ADA}/x"]
PATHS += ["/users", f"/{ADA}", f"/{ADA}/x", f"/files/{ADA}", f"/{BOT}"]

subjects = st.sampled_from([*SUBJECTS, "everyone"])
callers = st.sampled_from([*USERS, BOT])
groups = st.sampled_from(GROUPS)
paths = st.sampled_from(PATHS)
permissions = st.sampled_from(PERMISSIONS)
_roles = st.sampled_from([*sorted(ROLES), "roles/reader", "roles/reader"])
# Where grants meet.
_places = st.sampled_from([*PATHS, *["/", "/a", "/a", "/a/b", "/a/b"] * 2])
_effects = st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY])
_seconds = st.sampled_from([None, 30.0, 90.0])
_states = st.sampled_from([State.SUSPENDED, State.ACTIVE])
_index = st.integers(0, 20)

_grant = st.tuples(st.just("grant"), subjects, _places, _roles, _effects, _seconds)
_join = st.tuples(st.just("join"), groups, subjects)
_own = st.sampled_from(["/files", f"/files/{ADA}", "/users", f"/{ADA}"])
_others = [
    st.tuples(st.just("grant"), subjects, _own, st.just("roles/own"), _effects, _seconds),
    st.tuples(st.just("ungrant"), _index),
    st.tuples(st.just("leave"), _index),
    st.tuples(st.just("change_role"), _roles, _roles),
    st.tuples(st.just("set_state"), callers, _states),
    st.tuples(st.just("delete"), st.sampled_from(SUBJECTS)),
    st.tuples(st.just("wait"), st.sampled_from([20.0, 60.0])),
]
# A world has a good many grants and memberships; a history has a bit of everything.
WORLDS = st.lists(st.one_of(_grant, _grant, _join), min_size=8, max_size=20)
HISTORIES = st.lists(st.one_of(_grant, _grant, _join, _join, *_others), min_size=6, max_size=20)
ANY_WORLD = WORLDS | HISTORIES
