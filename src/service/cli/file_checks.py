"""What `gatehouse doctor` looks at of files: their store, and what lies in it beside their rows."""

from collections.abc import Iterator

from service.cli.failure import Failed
from service.cli.findings import Finding, Status, skipped
from service.cli.operator import repairable_as_failed
from service.files.comparison import Comparison, Difference, Kind
from service.files.models import Miscount, Overdue
from service.settings import Settings
from service.storage.database import Database
from service.storage.objects import StrangeKey
from service.wiring import object_store_of

_IN_STORE = ("file contents", "file objects", "file strays")
FILE_CHECKS = (*_IN_STORE, "file deletions", "file usage")

_CHECKS = {
    Kind.DAMAGED: "file contents",
    Kind.WITHOUT_ROW: "file objects",
    Kind.WITHOUT_FILE: "file objects",
    Kind.STRAY: "file strays",
}
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def checked_store(settings: Settings) -> str:
    """Puts an object into the store, gets it back and deletes it. Raises StoreUnavailable."""
    object_store_of(settings).check()
    return "takes what is put there, gives it back and deletes it"


def compared(settings: Settings, database: Database, store: Finding) -> Iterator[Finding]:
    """What came of comparing the store, if that was found well, with the rows."""
    try:
        with repairable_as_failed():
            yield from _compare(settings, database, store)
    except Failed as problem:
        yield Finding("files", Status.PROBLEM, str(problem))


def _compare(settings: Settings, database: Database, store: Finding) -> Iterator[Finding]:
    comparison = Comparison(database, object_store_of(settings))
    if store.status is Status.OK:
        yield from _differences(comparison)
    else:
        yield from (skipped(check, "the file store") for check in _IN_STORE)
    worker = "gatehouse serve" if settings.embedded else "gatehouse worker"
    overdue = [_overdue(one, worker) for one in comparison.overdue()]
    yield from _all_of("file deletions", overdue, "nothing waits for longer than it should")
    wrong = [_miscount(one) for one in comparison.miscounts()]
    yield from _all_of("file usage", wrong, "as many bytes are counted of everyone as are kept")


def _differences(comparison: Comparison) -> Iterator[Finding]:
    """The problems as they are found, then what was found well."""
    well = dict.fromkeys(_IN_STORE, True)
    try:
        for it in comparison.differences():
            well[_CHECKS[it.kind]] = False
            yield Finding(_CHECKS[it.kind], Status.PROBLEM, _told(it))
    except StrangeKey as error:
        strange = f"{error}: delete it, since nothing beside it can be listed"
        yield Finding("file strays", Status.PROBLEM, strange)
        yield from (skipped(check, "that") for check in _IN_STORE[:2] if well[check])
        return
    files = f"{comparison.files:,} files of {in_units(comparison.size)} are whole"
    others = (files, "each in the store has its row", "nothing else lies in the store")
    for check, detail in zip(_IN_STORE, others, strict=True):
        if well[check]:
            yield Finding(check, Status.OK, detail)


def _all_of(check: str, problems: list[str], well: str) -> Iterator[Finding]:
    yield from (Finding(check, Status.PROBLEM, one) for one in problems)
    if not problems:
        yield Finding(check, Status.OK, well)


def _told(it: Difference) -> str:
    size = in_units(it.size)
    match it.kind:
        case Kind.DAMAGED:
            do = "put it back from a backup of the store, or delete the file"
            return f"{it.what}: {it.told}: {do}"
        case Kind.WITHOUT_ROW:
            do = "if GATEHOUSE_DATABASE_URL is the database of this store, delete it"
            return f"{it.what}, {size}: {it.told}: {do}"
        case Kind.WITHOUT_FILE:
            return f"{it.what}, {size}: {it.told}: nothing is lost, but report it as a fault"
        case Kind.STRAY:
            return f"{it.what}, {size}: {it.told}: delete it"


def _overdue(it: Overdue, worker: str) -> str:
    since = it.since.strftime("%Y-%m-%d %H:%M UTC")
    what = {"WRITING": "given up", "DELETED": "deleted from the store"}[it.state]
    return (
        f"{it.objects:,} objects of {in_units(it.size)}, the first since {since}, wait to be"
        f" {what}: is `{worker}` running?"
    )


def _miscount(it: Miscount) -> str:
    return (
        f"{it.owner}: {it.counted} bytes are counted and {it.kept} kept: while no server runs, set"
        " the bytes of this owner in the table file_usage right"
    )


def in_units(size: int) -> str:
    """A number of bytes as people say it."""
    number, unit = float(size), 0
    while number >= 10_000 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:,.1f} {_UNITS[unit]}" if unit else f"{size:,} bytes"
