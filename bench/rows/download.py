"""Downloads: what reading a file costs beside the stream itself, and how much memory."""

from contextlib import ExitStack

from bench.load.content import MIB
from bench.outcome import Outcome
from bench.stage import Stage
from bench.transfers import SMALL, Site, growth
from service.files.contents import CHUNK


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
            return [
                growth(
                    self.name,
                    f"DownloadFile, memory for {site.large // MIB} MiB against 1 MiB",
                    *peaks,
                ),
                site.against_bare(
                    f"DownloadFile, chunks of {CHUNK // 1024} KiB",
                    self.name,
                    CHUNK,
                    lambda: site.download(site.large),
                ),
            ]
