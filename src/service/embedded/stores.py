"""Both stores, as one thing to start and stop."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from service.embedded.cluster import make_cluster_if_missing
from service.embedded.conditions import os_errors_as_embedded_errors, without_libpq_variables
from service.embedded.folders import held, kept_password
from service.embedded.postgres import Postgres
from service.embedded.privileges import account_for, make_private_folder
from service.embedded.process import Log, Workplace
from service.embedded.programs import Programs
from service.embedded.runtime import runtime_folder
from service.embedded.valkey import Valkey


class EmbeddedStores:
    """A PostgreSQL 18 and a Valkey with their data under DATA_DIR, local connections only.

    They end with this process, however it ends: cleanly by `stop`, and should the process be
    killed, by a signal from the kernel (Linux), at the latest by the next `start`.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._running = ExitStack()

    def start(self) -> None:
        """Returns when both accept connections; `database_url` and `redis_url` exist from then on.

        Raises EmbeddedError, and then nothing of it is left running.
        """
        data_dir = self._data_dir.absolute()
        with os_errors_as_embedded_errors(data_dir), ExitStack() as stack:
            stack.enter_context(held(data_dir))
            stack.enter_context(without_libpq_variables())
            runtime = stack.enter_context(runtime_folder(data_dir / "runtime"))
            postgres_place = _place("PostgreSQL", data_dir / "postgres")
            valkey_place = _place("Valkey", data_dir / "valkey")
            programs = _programs_for(postgres_place, runtime)
            # One thread that lives as long as the stores do: see Workplace.spawn.
            keeper = ThreadPoolExecutor(1, "embedded-stores")
            stack.callback(keeper.shutdown)

            if not valkey_place.folder.exists():
                make_private_folder(valkey_place.folder, valkey_place.account)
            valkey = Valkey(
                valkey_place,
                programs.valkey,
                _sockets(runtime, valkey_place),
                kept_password(data_dir / "valkey.password"),
            )
            valkey.start(keeper)
            stack.callback(valkey.stop)

            password_file = data_dir / "postgres.password"
            password = kept_password(password_file)
            make_cluster_if_missing(postgres_place, programs, password)
            sockets = _sockets(runtime, postgres_place)
            postgres = Postgres(postgres_place, programs, sockets, password, password_file)
            postgres.start(keeper)
            stack.callback(postgres.stop)

            valkey.wait_until_ready()
            postgres.wait_until_ready()
            self.database_url = postgres.url
            self.redis_url = valkey.url
            self._running = stack.pop_all()

    def stop(self) -> None:
        """Shuts both down and waits for it; does nothing if they are not running.

        Raises EmbeddedError when one does not end.
        """
        with os_errors_as_embedded_errors(self._data_dir):
            self._running.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _place(store: str, folder: Path) -> Workplace:
    log = Log(folder.parent / "logs" / f"{folder.name}.log")
    return Workplace(store, folder, account_for(folder), log)


def _sockets(runtime: Path, place: Workplace) -> Path:
    folder = runtime / place.folder.name
    make_private_folder(folder, place.account)
    return folder


def _programs_for(place: Workplace, runtime: Path) -> Programs:
    """The installed programs, or a copy for this run if the stores' account cannot reach them."""
    programs = Programs.installed()
    if place.account is None or programs.runnable_by(place.account):
        return programs
    folder = runtime / "programs"
    folder.mkdir()
    return programs.copied_to(folder)
