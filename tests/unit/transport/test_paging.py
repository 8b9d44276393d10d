"""A page token is bound to what is listed: the list, and all that it was asked for."""

from typing import Any

from gatehouse.access.v1 import access_service_pb2 as access
from gatehouse.access.v1 import consistency_pb2
from gatehouse.groups.v1 import group_service_pb2 as groups
from gatehouse.roles.v1 import role_service_pb2 as roles
from gatehouse.sessions.v1 import session_service_pb2 as sessions

from service.transport.paging import page_request


def bound(request: Any, *meant: str) -> str:
    return page_request(request, *meant).arguments


def test_size_and_token_are_the_requests() -> None:
    page = page_request(roles.ListRolesRequest(page_size=3, page_token="t"))
    assert (page.size, page.token) == (3, "t")


def test_how_it_is_answered_is_not_bound() -> None:
    fresh = consistency_pb2.Consistency(fully_consistent=True)
    first = access.ListAccessRequest(permission="a.b", page_size=1)
    later = access.ListAccessRequest(
        permission="a.b", page_size=9, page_token="t", consistency=fresh
    )
    assert bound(first, "users/1") == bound(later, "users/1")
    assert later.page_token == "t"


def test_every_list_and_every_argument_is_another() -> None:
    asked = [
        bound(roles.ListRolesRequest()),
        bound(groups.ListGroupsRequest()),
        bound(groups.ListMembersRequest(group="groups/a")),
        bound(groups.ListMembersRequest(group="groups/b")),
        bound(groups.ListMembershipsRequest(), "users/1"),
        bound(groups.ListMembershipsRequest(), "users/2"),
        bound(groups.ListMembershipsRequest(transitive=True), "users/1"),
        bound(sessions.ListSessionsRequest(), "users/1"),
    ]
    assert len(set(asked)) == len(asked)


def test_whoever_is_meant_is_bound_however_it_is_said() -> None:
    ways = {
        bound(sessions.ListSessionsRequest(subject=one), "users/1")
        for one in ("", "users/me", "users/1")
    }
    assert len(ways) == 1
