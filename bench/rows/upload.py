"""Uploads: what hashing and keeping a stream cost beside the stream itself, and how much memory."""

from contextlib import ExitStack

from bench.load.content import MIB
from bench.outcome import Budget, Outcome
from bench.peers.stream import BareStream
from bench.rounds import Measured
from bench.stage import Stage
from bench.transfers import SMALL, STREAMED, Site, growth
from service.files.contents import CHUNK

_SMALLER = 64 * 1024
_AT_ONCE = 10
# MiB. A stream has a few parts of 4 MiB and what gRPC holds, whatever the size of the file.
_GROWTH_OF_ONE, _GROWTH_OF_MANY = 44, 160  # the first as tests/faults/test_files_memory.py holds it


class Upload:
    """New files, each whole on the disk when it is answered, against a stream that is dropped."""

    name = "upload"
    about = "UploadFile of 1 GiB against a bare gRPC stream, and memory"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Memory first, before the server has had a large file."""
        with ExitStack() as closing:
            site = Site(stage, closing)
            return [
                self._memory(site, site.large, 1, _GROWTH_OF_ONE),
                self._memory(site, site.large // 4, _AT_ONCE, _GROWTH_OF_MANY),
                self._speed(site, BareStream(site.large, CHUNK), STREAMED),
                self._speed(site, BareStream(site.large, _SMALLER), STREAMED),
                # No budget: what is left when the disk and SHA-256 have taken what they take.
                self._speed(site, BareStream(site.large, CHUNK, "keep"), None),
            ]

    def _speed(self, site: Site, bare: BareStream, budget: Budget | None) -> Outcome:
        def ours() -> Measured:
            measured = site.upload(site.large, bare.chunk)
            site.clear()
            return measured

        work = f"UploadFile, chunks of {bare.chunk // 1024} KiB"
        return site.against(bare, self.name, work, ours, budget)

    def _memory(self, site: Site, size: int, at_once: int, limit: float) -> Outcome:
        peaks = []
        for each in (SMALL, size):
            with site.peak() as found:
                site.upload(each, at_once=at_once)
            site.clear(at_once)
            peaks += found
        many = f"{at_once} uploads at once" if at_once > 1 else "UploadFile"
        work = f"{many}, memory for {size // MIB} MiB each against 1 MiB"
        return growth(self.name, work, peaks, limit)
