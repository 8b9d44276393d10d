"""Where a person's tokens are kept, and when they are refreshed."""

import json
import stat
import threading
import time
from pathlib import Path

import pytest
from gatehouse.auth.v1.tokens_pb2 import Tokens

from service.cli.kept_tokens import KeptTokens, state_folder


def tokens(session: str = "sessions/1", *, expires_in: int = 600) -> Tokens:
    return Tokens(
        access_token="access", refresh_token="refresh", expires_in=expires_in, session=session
    )


def unexpected(refresh_token: str) -> Tokens:
    raise AssertionError(f"refreshed with {refresh_token}")


@pytest.fixture
def file(tmp_path: Path) -> KeptTokens:
    return KeptTokens(tmp_path / "tokens", "127.0.0.1:50051")


def test_what_is_kept_is_read_again(file: KeptTokens) -> None:
    assert file.read() is None
    file.keep(tokens())
    kept = file.current(unexpected)
    assert kept is not None
    assert (kept.access_token, kept.session) == ("access", "sessions/1")


def test_only_the_owner_may_read_it_whatever_the_umask(file: KeptTokens, tmp_path: Path) -> None:
    file.keep(tokens())
    for path in (tmp_path / "tokens").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "tokens").stat().st_mode) == 0o700


def test_no_secret_stands_in_a_repr(file: KeptTokens) -> None:
    file.keep(tokens())
    assert "access" not in repr(file.read()).replace("access_token", "")


@pytest.mark.parametrize("lives", [600, 10, 1])
def test_a_new_token_of_any_lifetime_is_fresh(file: KeptTokens, lives: int) -> None:
    file.keep(tokens(expires_in=lives))
    assert file.current(unexpected) is not None


def test_a_token_is_refreshed_before_it_expires(file: KeptTokens) -> None:
    file.keep(tokens(expires_in=600))
    shift(file, by=-575)
    kept = file.current(lambda refresh_token: tokens(f"{refresh_token}ed"))
    assert kept is not None
    assert kept.session == "refreshed"
    assert file.read() == kept


def test_a_clock_that_was_set_back_makes_a_token_old(file: KeptTokens) -> None:
    file.keep(tokens())
    shift(file, by=3600)
    kept = file.current(lambda _: tokens("sessions/2"))
    assert kept is not None
    assert kept.session == "sessions/2"


def test_who_waited_for_another_refresh_takes_its_result(file: KeptTokens) -> None:
    file.keep(tokens())
    shift(file, by=-3600)
    asked = []

    def refresh(refresh_token: str) -> Tokens:
        asked.append(refresh_token)
        time.sleep(0.2)
        return tokens("sessions/2")

    threads = [threading.Thread(target=file.current, args=[refresh]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == ["refresh"]


def test_a_refresh_that_fails_leaves_all_as_it_was(file: KeptTokens) -> None:
    file.keep(tokens())
    shift(file, by=-3600)
    before = file.read()
    with pytest.raises(AssertionError):
        file.current(unexpected)
    assert file.read() == before


def test_only_the_tokens_of_the_session_that_ended_are_forgotten(file: KeptTokens) -> None:
    file.keep(tokens("sessions/2"))
    file.forget("sessions/1")
    assert file.read() is not None
    file.forget("sessions/2")
    assert file.read() is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"other": 1}', "null"])
def test_a_damaged_file_is_as_good_as_none(file: KeptTokens, tmp_path: Path, content: str) -> None:
    file.keep(tokens())
    path_in(tmp_path).write_text(content)
    assert file.read() is None


def test_servers_have_a_file_each_even_with_strange_names(tmp_path: Path) -> None:
    names = ["a:1", "../a:1", "unix:/run/gatehouse", "[::1]:1"]
    for name in names:
        KeptTokens(tmp_path / "tokens", name).keep(tokens(name))
    assert {KeptTokens(tmp_path / "tokens", name).read().session for name in names} == set(names)
    assert len(list((tmp_path / "tokens").glob("*.json"))) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["tokens"]


def test_tokens_are_kept_where_xdg_says() -> None:
    assert state_folder({"XDG_STATE_HOME": "/state"}) == Path("/state/gatehouse")
    home = Path.home() / ".local" / "state" / "gatehouse"
    assert state_folder({}) == state_folder({"XDG_STATE_HOME": "relative"}) == home


def shift(file: KeptTokens, *, by: float) -> None:
    """Moves the kept times, as if this machine's clock had moved the other way."""
    path = path_in(file._path.parent.parent)
    kept = json.loads(path.read_text())
    moved = {"issued": kept["issued"] + by, "expires": kept["expires"] + by}
    path.write_text(json.dumps(kept | moved))


def path_in(folder: Path) -> Path:
    [path] = (folder / "tokens").glob("*.json")
    return path
