"""ListUsers at a thousand and at a million users: a page must not cost more among more."""

from collections.abc import Iterator

from gatehouse.users.v1 import user_pb2
from gatehouse.users.v1 import user_service_pb2 as pb

from bench import seed
from bench.gatehouse import Gatehouse
from bench.load.request import Request, Shape
from bench.outcome import Budget, Outcome
from bench.rounds import duel, p50
from bench.stage import Stage
from service.storage.pages import Pager
from service.transport.paging import page_request

METHOD = "/gatehouse.users.v1.UserService/ListUsers"
_FEW, _MANY, _MANY_QUICK = 1_000, 1_000_000, 100_000
_PAGE = 100
_FIRST = "first page"
_HOW = "one call at a time; PostgreSQL on the other core, beside the load"
_ONE_BY_ONE = Shape(connections=1, streams=1)


class ListUsers:
    """Pages of 100, one call at a time, from two servers that run side by side."""

    name = "list-users"
    about = "ListUsers at 1,000,000 users against 1,000"

    def measure(self, stage: Stage) -> list[Outcome]:
        """The first, a middle and the last page, and a page of each filter."""
        many = _MANY_QUICK if stage.quick else _MANY
        with Gatehouse() as big, Gatehouse() as small:
            for server, count in ((big, many), (small, _FEW)):
                stage.say(f"putting {count:,} users in with COPY")
                seed.copy_users(server, count)
                server.pin()
            return [
                self._compare(stage, page, big, in_big, small, in_small, many)
                for (page, in_big), (_, in_small) in zip(
                    pages(big, many), pages(small, _FEW), strict=True
                )
            ]

    def _compare(
        self,
        stage: Stage,
        page: str,
        big: Gatehouse,
        in_big: pb.ListUsersRequest,
        small: Gatehouse,
        in_small: pb.ListUsersRequest,
        many: int,
    ) -> Outcome:
        found = duel(
            stage.load(big, _request(big, in_big), _ONE_BY_ONE),
            stage.load(small, _request(small, in_small), _ONE_BY_ONE),
            stage.rounds,
        )
        return Outcome(
            self.name,
            f"ListUsers, {page}, {many:,} users",
            found.ours(p50),
            "ms, p50",
            Budget(1.3, at_least=False),
            f"{_FEW:,} users",
            found.theirs(p50),
            found.ratio(p50),
            [_HOW] if page == _FIRST else [],
            found.as_json(),
            found.others,
        )


def pages(server: Gatehouse, count: int) -> Iterator[tuple[str, pb.ListUsersRequest]]:
    """What is asked for, each time answered with a full page but for the e-mail's."""
    active = user_pb2.User.STATE_ACTIVE
    suspended = user_pb2.User.STATE_SUSPENDED
    yield _FIRST, pb.ListUsersRequest(page_size=_PAGE)
    yield "middle page", _from(server, pb.ListUsersRequest(page_size=_PAGE), count // 2)
    # The admin was made after all of them, and is the last.
    yield "last page", _from(server, pb.ListUsersRequest(page_size=_PAGE), count - _PAGE)
    yield (
        "state ACTIVE, middle",
        _from(server, pb.ListUsersRequest(page_size=_PAGE, state=active), count // 2),
    )
    yield "state SUSPENDED", pb.ListUsersRequest(page_size=_PAGE, state=suspended)
    since = pb.ListUsersRequest(page_size=_PAGE)
    since.create_start_time.FromDatetime(seed.created(count // 2))
    yield "created since", since
    yield "by e-mail", pb.ListUsersRequest(page_size=_PAGE, email=seed.email_of(count // 2))


def _from(server: Gatehouse, request: pb.ListUsersRequest, number: int) -> pb.ListUsersRequest:
    """The same list from the n-th user on: walking there would take 10,000 pages."""
    key = (seed.created(number - 1).isoformat(), str(seed.user_id(number - 1)))
    place = page_request(request)
    page = Pager(server.ring).page(place, lambda after, limit: [None] * limit, lambda item: key)
    request.page_token = page.next_page_token
    return request


def _request(server: Gatehouse, message: pb.ListUsersRequest) -> Request:
    request = Request.of(server.target, METHOD, message, server.admin_token)
    answer = pb.ListUsersResponse.FromString(server.reaches(request))
    assert len(answer.users) == (1 if message.email else _PAGE)
    return request
