"""The ground the tests of embedded mode stand on: real stores, in this process or in another."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

import service.embedded
from service.embedded import EmbeddedStores

HOLD = Path(__file__).with_name("hold.py")
SOURCE = Path(service.embedded.__file__).parents[2]
PACKAGES = Path(sysconfig.get_path("platlib"))


def sql(database_url: str, statement: str) -> object:
    """Runs one statement and answers the first column of its first row, if it has one."""
    url = database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


def valkey(redis_url: str, *command: str) -> object:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        return client.execute_command(*command)


def working_in(folder: Path) -> list[psutil.Process]:
    """The processes whose working directory is the folder, or lies in it."""
    found = []
    for process in psutil.process_iter():
        try:
            where = Path(process.cwd())
        except (psutil.Error, OSError):
            continue
        if where.is_relative_to(folder):
            found.append(process)
    return found


def servers_in(data_dir: Path) -> list[psutil.Process]:
    """The two processes that last as long as the stores do: backends come and go."""
    postmaster = int((data_dir / "postgres/postmaster.pid").read_text().split()[0])
    return [psutil.Process(postmaster), *working_in(data_dir / "valkey")]


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


class Holder:
    """A process that holds stores."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        first = self.hear()
        self.error = first.get("error")
        self.database_url = first.get("database_url", "")
        self.redis_url = first.get("redis_url", "")

    def hear(self) -> dict[str, str]:
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": f"silence: {self.process.stderr.read()}"}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> dict[str, str]:
        self.process.stdin.close()
        said = self.hear()
        self.process.wait(30)
        return said


class Ground:
    """Where stores are held and as whom: `folder` is for the test's data directories."""

    def __init__(self, folder: Path, python: str, user: pwd.struct_passwd | None) -> None:
        self.folder = folder
        self.user = user
        self.environment = {"PYTHONPATH": os.pathsep.join(map(str, (SOURCE, PACKAGES)))}
        self._python = python
        self._holders: list[Holder] = []

    def hold(self, data_dir: Path, **environment: str) -> Holder:
        holder = Holder(
            subprocess.Popen(
                [self._python, HOLD, data_dir],
                env=self.environment | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                **identity(self.user),
            )
        )
        self._holders.append(holder)
        return holder

    def close(self) -> None:
        for holder in self._holders:
            holder.process.kill()
            holder.process.wait()
            for stream in (holder.process.stdin, holder.process.stdout, holder.process.stderr):
                stream.close()
        try:
            wait_until(lambda: not working_in(self.folder))
        finally:
            # Of a failed test; they work in this test's own folder, so they are nobody else's.
            for process in working_in(self.folder):
                process.kill()
        for record in self.folder.rglob("runtime"):
            shutil.rmtree(record.read_text(), ignore_errors=True)


def identity(user: pwd.struct_passwd | None) -> dict[str, object]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def someone() -> pwd.struct_passwd:
    """A user who is neither us nor the one whom root runs the stores as."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    return next(u for u in pwd.getpwall() if u.pw_uid != 0 and u.pw_name != "nobody")


@pytest.fixture(scope="session")
def python_for_all(someone: pwd.struct_passwd) -> str:
    """An interpreter that the other user can run, our packages included."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(version, path=os.defpath)):
        if python and _runs_for(python, someone):
            return python
    return pytest.skip("no interpreter or packages that another user may read")


_READS_ALL = """
from service.embedded.programs import Programs
Programs.installed().postgres.open()
Programs.installed().valkey.open()
"""


def _runs_for(python: str, user: pwd.struct_passwd) -> bool:
    try:
        done = subprocess.run(
            [python, "-c", _READS_ALL],
            env={"PYTHONPATH": os.pathsep.join(map(str, (SOURCE, PACKAGES)))},
            cwd="/",
            capture_output=True,
            check=False,
            **identity(user),
        )
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture
def our_ground(tmp_path: Path) -> Iterator[Ground]:
    """Held as ourselves. (Under root, pytest's folders lie where only root may enter.)"""
    ground = Ground(tmp_path, sys.executable, None)
    yield ground
    ground.close()


@pytest.fixture
def others_ground(someone: pwd.struct_passwd, python_for_all: str) -> Iterator[Ground]:
    """Held as an ordinary user, by a test that runs as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, someone.pw_uid, someone.pw_gid)
        ground = Ground(folder, python_for_all, someone)
        yield ground
        ground.close()


@pytest.fixture(scope="session")
def used_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("used") / "data"
    with EmbeddedStores(data) as stores:
        sql(stores.database_url, "CREATE TABLE kept (x int)")
    return data


@pytest.fixture
def made(used_once: Path, tmp_path: Path) -> Path:
    """A DATA_DIR that was used before and has a table `kept`; a copy, which is quickly made."""
    data = tmp_path / "made"
    subprocess.run(["/bin/cp", "-a", used_once, data], check=True)
    return data


@pytest.fixture(params=["ourselves", "an ordinary user"])
def ground(request: pytest.FixtureRequest) -> Ground:
    """Both in turn."""
    which = "our_ground" if request.param == "ourselves" else "others_ground"
    return request.getfixturevalue(which)
