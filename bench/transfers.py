"""A server that files are uploaded to and downloaded from, what it is held against, its memory."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from gatehouse.files.v1 import file_service_pb2 as pb
from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

from bench.gatehouse import Gatehouse
from bench.load.content import MIB, Content
from bench.load.streams import Streams, Transfer, Transferred
from bench.machine import Meter
from bench.outcome import Budget, Outcome, Refused
from bench.peers.stream import BareStream
from bench.rounds import Measured, Side, duel, watched
from bench.stage import Stage
from service.files.contents import CHUNK

SMALL = MIB

STREAMED = Budget(0.8)


class Site:
    """A server of its own on all cores, and the process that makes the streams."""

    def __init__(self, stage: Stage, closing: ExitStack) -> None:
        stage.say("starting gatehouse serve")
        self._stage = stage
        self._server = closing.enter_context(Gatehouse())
        self._streams = closing.enter_context(Streams())
        self._files = FileServiceStub(self._server.channel)
        self.large = (256 if stage.quick else 1024) * MIB

    def upload(self, size: int, chunk: int = CHUNK, at_once: int = 1) -> Measured:
        """Uploads so many new files of `size`, and has the server's sums compared."""
        wanted = [self._transfer("upload", number, size, chunk) for number in range(at_once)]
        with self._server.counted(lambda: {"UploadFile": at_once}):
            found = self._streams.run(wanted)
        _require(found, size, sha256_of(size, chunk))
        return Measured(at_once, max(one.seconds for one in found))

    def download(self, size: int) -> Measured:
        """Downloads the file that was uploaded first."""
        with self._server.counted(lambda: {"DownloadFile": 1}):
            found = self._streams.run([self._transfer("download", 0, size)])
        _require(found, size, sha256_of(size, CHUNK))
        return Measured(1, found[0].seconds)

    def compare(self, size: int) -> None:
        """Downloads that file and sums what comes, which no round's client does."""
        found = self._streams.run([self._transfer("download and sum", 0, size)])
        _require(found, size, sha256_of(size, CHUNK))

    def clear(self, files: int = 1) -> None:
        """Deletes the files, and their parts, which the server would after five minutes."""
        for number in range(files):
            request = pb.DeleteFileRequest(name=_name(number))
            self._files.DeleteFile(request, metadata=self._server.as_admin, timeout=60)
        for shard in (self._server.data_dir / "files").iterdir():
            shutil.rmtree(shard)

    def against(
        self, bare: BareStream, what: str, work: str, ours: Side, budget: Budget | None
    ) -> Outcome:
        """Large files to or from this server, and the same streams to or from the bare one."""
        self._stage.say(work)

        def mib_per_second(measured: Measured) -> float:
            return self.large / MIB * measured.rate

        def cpu_seconds_per_gib(measured: Measured) -> float:
            return measured.cpu * 1024 * MIB / self.large

        with bare:
            wanted = Transfer(bare.target, "", what, _name(0), self.large, bare.chunk)

            def theirs() -> Measured:
                (found,) = self._streams.run([wanted])
                if found.size < self.large:
                    raise Refused("the bare server did not get or send all of it")
                return Measured(1, found.seconds)

            theirs()
            found = duel(
                watched(self._server.pid, ours, Meter.others_anywhere),
                watched(bare.pid, theirs, Meter.others_anywhere),
                self._stage.rounds,
            )
        cpu = found.ours(cpu_seconds_per_gib), found.theirs(cpu_seconds_per_gib)
        return Outcome(
            what,
            work,
            found.ours(mib_per_second),
            "MiB/s",
            budget,
            bare.about,
            found.theirs(mib_per_second),
            found.ratio(mib_per_second),
            [
                f"files of {self.large // MIB} MiB, one at a time; everything on all cores",
                f"CPU seconds of the server for a GiB: {cpu[0]:.2f}, of the bare one {cpu[1]:.2f}",
            ],
            found.as_json(),
            found.others,
        )

    @contextmanager
    def peak(self) -> Iterator[list[float]]:
        """Fills a list with the most MiB of memory that the server had in the block."""
        process = Path("/proc") / str(self._server.pid)
        (process / "clear_refs").write_text("5")  # VmHWM begins anew: see proc(5)
        found: list[float] = []
        yield found
        lines = (process / "status").read_text().splitlines()
        found.append(next(int(it.split()[1]) for it in lines if it.startswith("VmHWM")) / 1024)

    def _transfer(self, what: str, number: int, size: int, chunk: int = 0) -> Transfer:
        server = self._server
        return Transfer(server.target, server.admin_token, what, _name(number), size, chunk)


def growth(row: str, work: str, peaks: list[float], limit: float) -> Outcome:
    """How much more memory the server had at its peak with large files than with small ones."""
    small, large = peaks
    return Outcome(
        row,
        work,
        max(0.0, large - small),
        "MiB more",
        Budget(limit, at_least=False, unit="MiB"),
        notes=[f"resident at its peak: {small:.0f} MiB with small files, then {large:.0f} MiB"],
        rounds=[{"small": small, "large": large}],
    )


@cache
def sha256_of(size: int, chunk: int) -> str:
    """Of what is uploaded in chunks of this size."""
    return Content(size, chunk).sha256()


def _require(found: list[Transferred], size: int, sha256: str) -> None:
    if any((one.size, one.sha256) != (size, sha256) for one in found):
        raise Refused(f"not the {size} bytes that were meant: {found}")


def _name(number: int) -> str:
    return f"files/bench/{number}"
