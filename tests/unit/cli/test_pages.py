"""Lists of several pages."""

from gatehouse.access.v1 import access_service_pb2 as pb

from service.cli.pages import read_pages


class Server:
    """Has paths, of which every third is denied, and answers them in pages."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.asked: list[int] = []

    def list_access(self, request: pb.ListAccessRequest) -> pb.ListAccessResponse:
        self.asked.append(request.page_size)
        start = int(request.page_token or 0)
        end = min(start + request.page_size, self._count)
        numbers = range(start, end)
        return pb.ListAccessResponse(
            paths=[f"/{n}" for n in numbers if n % 3],
            denied_paths=[f"/{n}" for n in numbers if not n % 3],
            next_page_token=str(end) if end < self._count else "",
            revision=f"r{end}",
        )


def test_both_lists_count_towards_the_limit() -> None:
    server = Server(1500)
    found = read_pages(
        server.list_access, pb.ListAccessRequest(), pb.ListAccessResponse(), limit=1200
    )
    assert server.asked == [1000, 200]
    assert len(found.paths) + len(found.denied_paths) == 1200
    assert (found.next_page_token, found.revision) == ("1200", "r1200")


def test_without_a_limit_all_are_read() -> None:
    found = read_pages(
        Server(2500).list_access, pb.ListAccessRequest(), pb.ListAccessResponse(), limit=0
    )
    assert len(found.paths) + len(found.denied_paths) == 2500
    assert found.next_page_token == ""
