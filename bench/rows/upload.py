"""Uploads: what hashing and keeping a stream cost beside the stream itself, and how much memory."""

from contextlib import ExitStack

from bench.load.content import MIB
from bench.outcome import Outcome
from bench.rounds import Measured
from bench.stage import Stage
from bench.transfers import SMALL, Site, growth
from service.files.contents import CHUNK

_SMALLER = 64 * 1024
_AT_ONCE = 10


class Upload:
    """New files, each whole on the disk when it is answered, against a stream that is dropped."""

    name = "upload"
    about = "UploadFile of 1 GiB against a bare gRPC stream, and memory"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Memory first, before the server has had a large file."""
        with ExitStack() as closing:
            site = Site(stage, closing)
            return [
                self._memory(site, site.large, at_once=1),
                self._memory(site, site.large // 4, _AT_ONCE),
                self._speed(site, CHUNK),
                self._speed(site, _SMALLER),
            ]

    def _speed(self, site: Site, chunk: int) -> Outcome:
        def ours() -> Measured:
            measured = site.upload(site.large, chunk)
            site.clear()
            return measured

        work = f"UploadFile, chunks of {chunk // 1024} KiB"
        return site.against_bare(work, self.name, chunk, ours)

    def _memory(self, site: Site, size: int, at_once: int) -> Outcome:
        peaks = []
        for each in (SMALL, size):
            with site.peak() as found:
                site.upload(each, at_once=at_once)
            site.clear(at_once)
            peaks += found
        many = f"{at_once} uploads at once" if at_once > 1 else "UploadFile"
        return growth(self.name, f"{many}, memory for {size // MIB} MiB each against 1 MiB", *peaks)
