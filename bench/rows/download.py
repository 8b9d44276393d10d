"""Downloads: what reading a file costs beside the stream itself, and how much memory."""

from contextlib import ExitStack

from bench.load.content import MIB
from bench.outcome import Outcome
from bench.peers.stream import BareStream
from bench.stage import Stage
from bench.transfers import SMALL, STREAMED, Site, growth
from service.files.contents import CHUNK

_GROWTH = 44  # MiB, as tests/faults/test_files_memory.py holds it


class Download:
    """A file that was just uploaded, against a stream of chunks that are there already."""

    name = "download"
    about = "DownloadFile of 1 GiB against a bare gRPC stream, and memory"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Memory first; an upload before it has the server's memory grow, but not any further."""
        with ExitStack() as closing:
            site = Site(stage, closing)
            peaks = []
            for size in (SMALL, site.large):
                site.upload(size)
                with site.peak() as found:
                    site.download(size)
                peaks += found
                if size == SMALL:
                    site.clear()
            site.compare(site.large)
            large = f"{site.large // MIB} MiB"
            return [
                growth(
                    self.name, f"DownloadFile, memory for {large} against 1 MiB", peaks, _GROWTH
                ),
                site.against(
                    BareStream(site.large, CHUNK),
                    self.name,
                    f"DownloadFile, chunks of {CHUNK // 1024} KiB",
                    lambda: site.download(site.large),
                    STREAMED,
                ),
            ]
