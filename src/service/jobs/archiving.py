"""Old events: exported to a file, and only then deleted."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from zlib import compressobj

from service.events.archive import EventArchive
from service.events.cloudevents import document
from service.events.models import RecordedEvent
from service.files.models import Header
from service.files.uploads import Uploads
from service.kernel import names
from service.kernel.call import Call

_FOLDER = "files/archive/events"
_IN_A_FILE = 250_000
_WORTH_A_FILE = timedelta(days=1)
_GZIP = 31  # as zlib calls the format


class EventArchiver:
    """Writes `files/archive/events/{id}.ndjson.gz`: a CloudEvent a line, oldest first.

    The ids sort by time. Killed after a file was stored and before that was noted, it stores the
    same events in another one: an event may be in two files, and is never in none.
    """

    def __init__(self, archive: EventArchive, uploads: Uploads, *, source: str) -> None:
        self._archive = archive
        self._uploads = uploads
        self._source = source

    def run(self) -> tuple[int, int]:
        """Exports what is due, and deletes what was exported; answers how many events of each.

        It exports once a day's worth of events is due, so that there are few files of many events,
        however often this is run.

        Raises StorageFull, StoreUnavailable, Unavailable: then nothing is lost, and the next run
        goes on.
        """
        exported = 0
        before = self._archive.old()  # once: the export is an event itself
        if self._archive.find_due(before - _WORTH_A_FILE, 1) is None:
            return 0, self._archive.delete()
        while due := self._archive.find_due(before, _IN_A_FILE):
            file = f"{_FOLDER}/{names.new_id()}.ndjson.gz"
            header = Header(file, content_type="application/gzip")
            content = _compressed(self._lines(self._archive.read(due)))
            self._uploads.upload(Call.internal("archive"), header, content)
            self._archive.note_exported(due, file)
            exported += due.count
        return exported, self._archive.delete()

    def _lines(self, events: Iterable[RecordedEvent]) -> Iterator[bytes]:
        for event in events:
            told = document(event, source=self._source) | {"peeraddress": event.peer_address}
            yield json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    packer = compressobj(wbits=_GZIP)
    for line in lines:
        if packed := packer.compress(line):
            yield packed
    yield packer.flush()
