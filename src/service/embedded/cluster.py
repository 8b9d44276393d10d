"""Making PostgreSQL's data folder."""

import shutil
from dataclasses import replace
from pathlib import Path
from signal import Signals

from service.embedded.errors import EmbeddedError
from service.embedded.folders import sync_folder
from service.embedded.leftovers import leftovers, still_running, wait_for_end
from service.embedded.privileges import HERE, make_private_folder
from service.embedded.process import Workplace
from service.embedded.programs import Programs

DATABASE = "gatehouse"
ROLE = "gatehouse"
_MAJOR_VERSION = "18"

# The superuser that initdb insists on can sign in nowhere, and no one else at all but over the
# local socket with the password: a role that owns its database and can read no file.
_WHO_MAY_CONNECT = f"local all {ROLE} scram-sha-256\n"

# Two newlines end a statement here, so that each runs by itself; CREATE DATABASE must.
_FIRST_STATEMENTS = f"""\
CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{{password}}';

CREATE DATABASE {DATABASE} OWNER {ROLE};

"""


def make_cluster_if_missing(place: Workplace, programs: Programs, password: str) -> None:
    """Makes the data folder whole or not at all: a killed attempt is begun anew.

    Raises EmbeddedError when the folder holds something else or PostgreSQL fails, OSError.
    """
    folder = place.folder
    if folder.exists():
        _refuse_foreign(folder)
        return
    new = replace(place, folder=folder.with_name(f"{folder.name}.new"))
    _remove_attempt(new.folder, programs)
    make_private_folder(new.folder, new.account)
    new.run(
        programs.initdb,
        f"--pgdata={HERE}",
        "--username=postgres",
        "--encoding=UTF8",
        # The same order and classes of characters on every machine, whatever its C library.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--auth=reject",
        "--no-instructions",
    )
    (new.folder / "pg_hba.conf").write_text(_WHO_MAY_CONNECT)
    new.run(
        programs.postgres,
        "--single",
        "-j",
        "-D",
        HERE,
        "-c",
        "exit_on_error=on",
        # An error in the statement that carries the password must not log it.
        "-c",
        "log_min_error_statement=panic",
        "postgres",
        given=_FIRST_STATEMENTS.format(password=password),
    )
    new.folder.rename(folder)
    sync_folder(folder.parent)


def _refuse_foreign(folder: Path) -> None:
    try:
        version = (folder / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedError(f"{folder} exists and holds no PostgreSQL data: move it away") from None
    if version != _MAJOR_VERSION:
        raise EmbeddedError(
            f"{folder} was made by PostgreSQL {version}, and this is {_MAJOR_VERSION}: "
            "dump it with that version, or set DATA_DIR to another folder"
        )


def _remove_attempt(folder: Path, programs: Programs) -> None:
    if not folder.exists():
        return
    for program in (programs.initdb, programs.postgres):
        with leftovers(folder, program.name) as left:
            for one in left:
                one.send(Signals.SIGKILL)
            if not wait_for_end(left, seconds=10):
                raise still_running(folder, left)
    shutil.rmtree(folder)
