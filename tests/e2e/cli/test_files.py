"""Files at a terminal, and in pipes."""

import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.commands import Shell, finish
from tests.support.terminal import Terminal

# Several chunks, in which no line ends where a program would like it to.
CONTENT = os.urandom(3_000_001)

# What ends a download for good, or as Ctrl-C does, once a million bytes have arrived.
ENDED = """
import os, signal
from gatehouse_client.arrived import Part
take = Part.take
def take_and_end(part, chunk):
    take(part, chunk)
    if part.size > 1_000_000:
        os.kill(os.getpid(), signal.{signal})
Part.take = take_and_end
"""


@pytest.fixture
def folder() -> str:
    """A folder of its own for each test."""
    return f"files/{uuid4().hex}"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "local" / "lander.bin"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


def run_bytes(shell: Shell, *arguments: str, given: bytes = b"") -> bytes:
    """A command in a pipe."""
    command = [sys.executable, "-m", "service", *arguments]
    done = subprocess.run(
        command, env=shell.environment, input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def put(shell: Shell, local: Path | str, name: str, *options: str) -> str:
    """Uploads; answers the whole name of the file."""
    done = shell.run("files", "put", local, name, "--json", *options)
    return str(done.json["file"]["name"])


def names(shell: Shell, folder: str) -> list[str]:
    listed = shell.run("files", "ls", folder, "--limit", "0", "--json").json
    return [it["name"].rpartition("/")[2] for it in listed["files"]]


def test_a_file_comes_back_as_it_was(
    admin_shell: Shell, folder: str, local: Path, tmp_path: Path
) -> None:
    told = admin_shell.run("files", "put", local, f"{folder}/", "--label", "team=apollo")
    assert told.out == f"Uploaded {folder}/lander.bin: 3.0 MB, application/octet-stream.\n"
    assert told.err == ""
    told = admin_shell.run("files", "get", f"{folder}/lander.bin", tmp_path)
    assert told.out == f"Saved {tmp_path}/lander.bin: 3.0 MB.\n"
    assert (tmp_path / "lander.bin").read_bytes() == CONTENT
    file = admin_shell.run("files", "show", f"/{folder}/lander.bin", "--json").json["file"]
    assert (file["size"], file["labels"]) == (str(len(CONTENT)), {"team": "apollo"})
    shown = admin_shell.run("files", "show", f"{folder}/lander.bin").out
    assert "size     3.0 MB (3000001)\n" in shown
    assert "labels   team=apollo\n" in shown
    assert "(admin@gatehouse.local)\n" in shown


def test_pipes_carry_any_bytes_and_nothing_else(
    admin_shell: Shell, folder: str, local: Path
) -> None:
    run_bytes(admin_shell, "files", "put", "-", f"{folder}/piped", given=CONTENT)
    assert run_bytes(admin_shell, "files", "get", f"{folder}/piped", "-") == CONTENT
    run_bytes(admin_shell, "files", "put", "-", f"{folder}/nothing")
    assert run_bytes(admin_shell, "files", "get", f"{folder}/nothing", "-") == b""


def test_the_name_says_what_it_is_unless_one_says_so(
    admin_shell: Shell, folder: str, local: Path
) -> None:
    def content_type(name: str, *options: str) -> str:
        done = admin_shell.run("files", "put", local, f"{folder}/{name}", "--json", *options)
        return str(done.json["file"]["contentType"])

    assert content_type("q3.pdf") == "application/pdf"
    assert content_type("q4.pdf", "--type", "text/csv") == "text/csv"
    assert content_type("of-no-type") == "application/octet-stream"


def test_a_name_that_is_taken_is_replaced_only_on_request(
    admin_shell: Shell, folder: str, local: Path
) -> None:
    name = put(admin_shell, local, f"{folder}/a", "--replace", "--label", "a=1")
    line = admin_shell.run("files", "put", local, name).line
    assert line == (
        f"gatehouse: there is a {name} already [ALREADY_EXISTS, NAME_TAKEN]: --replace replaces it"
    )
    local.write_text("new")
    put(admin_shell, local, name, "--replace")
    assert run_bytes(admin_shell, "files", "get", name, "-") == b"new"
    assert admin_shell.run("files", "show", name, "--json").json["file"]["labels"] == {}


def test_a_file_that_is_there_is_overwritten_only_on_request(
    admin_shell: Shell, folder: str, local: Path
) -> None:
    name = put(admin_shell, local, f"{folder}/lander.bin")
    local.write_text("mine")
    for target in (local, local.parent):
        line = admin_shell.run("files", "get", name, target).line
        assert line == f"gatehouse: {local} is there already: --force replaces it"
    assert local.read_text() == "mine"
    assert admin_shell.run("files", "get", name, local, "--force").code == 0
    assert local.read_bytes() == CONTENT
    line = admin_shell.run("files", "get", name, "/dev/null", "--force").line
    assert "/dev/null is no ordinary file: say - and send it there" in line


def test_a_killed_download_is_gone_on_with(
    admin_shell: Shell, folder: str, local: Path, tmp_path: Path
) -> None:
    name = put(admin_shell, local, f"{folder}/a")
    target, part = tmp_path / "a", tmp_path / ".a.gatehouse-part"
    target.write_text("before")
    killed = ENDED.format(signal="SIGKILL")
    done = finish(admin_shell.start("files", "get", name, target, "--force", code=killed))
    assert done.code == -9
    assert target.read_text() == "before"
    kept = part.read_bytes()
    assert len(kept) > 500_000
    assert kept == CONTENT[: len(kept)]
    done = admin_shell.run("files", "get", name, target, "--force")
    assert re.fullmatch(r"Going on where it was: .* of 3.0 MB are there.\n", done.err)
    assert target.read_bytes() == CONTENT
    assert [it.name for it in tmp_path.iterdir() if it.is_file()] == ["a"]


def test_what_was_killed_is_not_gone_on_with_when_the_file_is_another(
    admin_shell: Shell, folder: str, local: Path, tmp_path: Path
) -> None:
    name = put(admin_shell, local, f"{folder}/a")
    killed = ENDED.format(signal="SIGKILL")
    finish(admin_shell.start("files", "get", name, tmp_path / "a", code=killed))
    local.write_bytes(CONTENT[::-1])
    put(admin_shell, local, name, "--replace")
    done = admin_shell.run("files", "get", name, tmp_path / "a")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "a").read_bytes() == CONTENT[::-1]


def test_an_interrupted_download_says_how_to_go_on(
    admin_shell: Shell, folder: str, local: Path, tmp_path: Path
) -> None:
    name = put(admin_shell, local, f"{folder}/a")
    target = tmp_path / "a"
    interrupted = ENDED.format(signal="SIGINT")
    done = finish(admin_shell.start("files", "get", name, target, code=interrupted))
    assert done.code == 130
    part = target.with_name(".a.gatehouse-part")
    assert done.err == f"What arrived is kept in {part}: the same command goes on with it.\n"
    assert not target.exists()
    assert admin_shell.run("files", "get", name, target).code == 0
    assert target.read_bytes() == CONTENT


def test_a_reader_that_has_seen_enough_is_no_error(
    admin_shell: Shell, folder: str, local: Path
) -> None:
    name = put(admin_shell, local, f"{folder}/a")
    process = admin_shell.start("files", "get", name, "-")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(30) == 1
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()


def test_what_is_shared_can_be_read_by_others_until_it_is_taken_back(
    admin_shell: Shell, ada: Shell, email: str, folder: str, local: Path
) -> None:
    name = put(admin_shell, local, f"{folder}/a")
    line = ada.run("files", "get", name, "-").line
    assert f"PERMISSION_MISSING]: `gatehouse explain files.read /{name}` shows" in line
    shared = admin_shell.run("files", "share", f"{folder}/", email, "--until", "7d")
    assert f"path     /{folder}\n" in shared.out
    assert "role     roles/file-reader\n" in shared.out
    assert run_bytes(ada, "files", "get", name, "-") == CONTENT
    assert names(ada, folder) == ["a"]
    assert "You do not hold files.write" in ada.run("files", "put", local, f"{folder}/b").line
    [taking_back] = re.findall("`gatehouse (grants delete .*)` takes it back", shared.err)
    assert admin_shell.run(*taking_back.split()).code == 0
    assert "PERMISSION_MISSING" in ada.run("files", "get", name, "-").line
    assert names(ada, folder) == []


def test_who_may_write_may_replace_and_delete_as_well(
    admin_shell: Shell, ada: Shell, email: str, folder: str, local: Path
) -> None:
    admin_shell.run("files", "share", folder, email, "--can", "write")
    name = put(ada, local, f"{folder}/a")
    put(ada, local, name, "--replace")
    assert ada.run("files", "rm", name, "--yes").out == f"Deleted {name}.\n"


def test_who_may_not_read_is_told_that_replacing_needs_it(
    admin_shell: Shell, ada: Shell, email: str, folder: str, local: Path
) -> None:
    role = f"writer-{uuid4().hex[:12]}"
    assert admin_shell.run("roles", "create", role, "files.write").code == 0
    assert admin_shell.run("grants", "create", f"/{folder}", role, email).code == 0
    name = put(ada, local, f"{folder}/a")
    line = ada.run("files", "put", local, name, "--replace").line
    assert "You do not hold files.read" in line


def test_what_is_shared_is_a_grant(
    admin_shell: Shell, email: str, folder: str, local: Path
) -> None:
    name = put(admin_shell, local, f"{folder}/a")
    shared = admin_shell.run("files", "share", name, email, "--can", "write", "--json").json
    assert shared["grant"]["role"] == "roles/file-editor"
    assert shared["grant"]["path"] == f"/{name}"
    assert shared["revision"]


def test_ones_own_folder_is_called_me(ada: Shell, local: Path) -> None:
    me = ada.run("whoami", "--json").json["subject"]
    name = put(ada, local, "me/")
    assert name == f"files/{me}/lander.bin"
    assert names(ada, "me") == ["lander.bin"]
    assert run_bytes(ada, "files", "get", "me/lander.bin", "-") == CONTENT
    refusal = ada.run("files", "share", "me/lander.bin", "everyone")
    assert (refusal.code, f"/{name}" in refusal.err) == (1, True)
    assert ada.run("files", "rm", "me/lander.bin", "--yes").code == 0


def test_a_name_cannot_steer_the_terminal_or_turn_its_lines(
    admin_shell: Shell, folder: str, local: Path, tmp_path: Path
) -> None:
    name = f"{folder}/\u202efdp.exe\u2066\u200b"
    escaped = f"{folder}/\\u202efdp.exe\\u2066\\u200b"
    label = ["--label", "a=\u202eb\u2028"]
    done = [
        admin_shell.run("files", "put", local, name, *label),
        admin_shell.run("files", "put", local, name),
        admin_shell.run("files", "ls", folder),
        admin_shell.run("files", "show", name),
        admin_shell.run("files", "get", name, "-", "--json"),
        admin_shell.run("files", "get", name, tmp_path),
        admin_shell.run("files", "get", name, tmp_path),
        admin_shell.run("files", "mv", name, name + "x"),
        admin_shell.run("files", "ls", folder, "--json"),
        admin_shell.run("files", "rm", name),
        admin_shell.run("files", "rm", name + "x", "--yes"),
    ]
    assert [it.code for it in done] == [0, 1, 0, 0, 2, 0, 1, 0, 0, 2, 0]
    assert escaped in done[2].out
    assert "a=\\u202eb\\u2028" in done[3].out
    assert done[8].json["files"][0]["name"] == name + "x"
    for it in done:
        assert (it.out + it.err).replace("\n", "").isprintable(), it


def test_a_list_takes_as_many_pages_as_it_needs(
    admin_shell: Shell, folder: str, tmp_path: Path
) -> None:
    for number in range(3):
        put(admin_shell, "/dev/null", f"{folder}/{number}")
    two = admin_shell.run("files", "ls", folder, "--limit", "2", "--json").json
    assert [it["name"] for it in two["files"]] == [f"{folder}/0", f"{folder}/1"]
    rest = admin_shell.run(
        "files", "ls", folder, "--limit", "0", "--page-token", two["nextPageToken"], "--json"
    ).json
    assert [it["name"] for it in rest["files"]] == [f"{folder}/2"]
    told = admin_shell.run("files", "ls", f"/{folder}/", "--limit", "2")
    assert [row.split()[0:3] for row in told.out.splitlines()[1:]] == [
        [f"{folder}/0", "0", "bytes"],
        [f"{folder}/1", "0", "bytes"],
    ]
    assert "There are more" in told.err


def test_a_file_moves_and_keeps_its_last_name_in_a_folder(
    admin_shell: Shell, folder: str, local: Path
) -> None:
    name = put(admin_shell, local, f"{folder}/a")
    told = admin_shell.run("files", "mv", name, f"{folder}/below/").out
    assert told == f"Moved {name} to {folder}/below/a.\n"
    assert names(admin_shell, folder) == ["a"]
    put(admin_shell, local, name)
    line = admin_shell.run("files", "mv", name, f"{folder}/below/a").line
    assert "[ALREADY_EXISTS, NAME_TAKEN]: choose another name" in line


def test_deleting_is_asked_for_twice_and_tells_of_each(
    admin_shell: Shell, folder: str, local: Path
) -> None:
    one, two = (put(admin_shell, local, f"{folder}/{it}") for it in "ab")
    asked = admin_shell.run("files", "rm", one, two)
    assert asked.code == 2
    assert f"Delete {one}, {two} for good? Say --yes" in asked.err
    done = admin_shell.run("files", "rm", one, f"{folder}/gone", two, "--yes")
    assert done.out == f"Deleted {one}.\n"
    assert "FILE_NOT_FOUND]: `gatehouse files ls` shows" in done.line
    assert names(admin_shell, folder) == ["b"]
    assert admin_shell.run("files", "rm", two, "--yes", "--json").json == {}


def test_what_cannot_be_read_or_written_is_told_in_one_line(
    admin_shell: Shell, folder: str, local: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    line = admin_shell.run("files", "put", missing, f"{folder}/a").line
    assert line == f"gatehouse: {missing}: No such file or directory"
    assert "Is a directory" in admin_shell.run("files", "put", tmp_path, f"{folder}/a").line
    name = put(admin_shell, local, f"{folder}/a")
    assert "No such file or directory" in admin_shell.run("files", "get", name, missing / "a").line
    assert "FILE_NOT_FOUND" in admin_shell.run("files", "get", f"{folder}/b", missing).line
    assert f"{missing} is no folder" in admin_shell.run("files", "get", name, f"{missing}/").line
    long = tmp_path / ("a" * 252)
    assert "File name too long" in admin_shell.run("files", "get", name, long).line
    assert list(tmp_path.glob(".*")) == []


def test_a_local_name_may_be_of_any_bytes_and_that_of_a_file_is_text(
    admin_shell: Shell, folder: str, tmp_path: Path
) -> None:
    local = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    Path(local).write_bytes(CONTENT)
    assert "is no UTF-8" in admin_shell.run("files", "put", local, f"{folder}/").line
    name = put(admin_shell, local, f"{folder}/a")
    Path(local).unlink()
    assert admin_shell.run("files", "get", name, local).code == 0
    assert Path(local).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "arguments",
    [
        ["put", "-"],
        ["put", "-", "a/"],
        ["put", "/dev/null", "a", "--label", "novalue"],
        ["get", "a", "-", "--json"],
        ["rm"],
        ["share", "", "everyone"],
        ["share", "a", "everyone", "--can", "fly"],
        ["share", "a", "everyone", "--until", "soon"],
    ],
)
def test_wrong_usage_ends_with_2(admin_shell: Shell, arguments: list[str]) -> None:
    done = admin_shell.run("files", *arguments)
    assert done.code == 2
    assert "Error: " in done.err
    assert done.out == ""


# At a terminal


def plain(terminal: Terminal) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.shown)


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_shows_how_far_it_is_and_then_that_it_is_done(
    admin_shell: Shell, folder: str, local: Path, tmp_path: Path, columns: int
) -> None:
    terminal = Terminal(admin_shell, "files", "put", str(local), f"{folder}/a", columns=columns)
    assert terminal.end() == 0
    assert "100 %  3.0 MB of 3.0 MB" in plain(terminal)
    assert plain(terminal).endswith("application/octet-stream.\r\n")
    target = str(tmp_path / "a")
    terminal = Terminal(admin_shell, "files", "get", f"{folder}/a", target, columns=columns)
    assert terminal.end() == 0
    assert "100 %  3.0 MB of 3.0 MB" in plain(terminal)
    for line in plain(terminal).replace("\r", "\n").splitlines():
        assert len(line) <= columns or line.startswith("Saved ")


def test_a_terminal_is_spared_what_may_be_no_text(
    admin_shell: Shell, folder: str, local: Path
) -> None:
    local.write_text("one small step")
    name = put(admin_shell, local, f"{folder}/a.txt")
    terminal = Terminal(admin_shell, "files", "get", name, "-")
    assert terminal.end() == 1
    assert "a.txt may not be text for a terminal: --force prints it" in terminal.shown
    terminal = Terminal(admin_shell, "files", "get", name, "-", "--force")
    assert terminal.end() == 0
    assert terminal.shown == "one small step"


@pytest.mark.parametrize(("said", "left"), [("n", ["a"]), ("y", [])])
def test_deleting_is_done_after_a_yes_only(
    admin_shell: Shell, folder: str, local: Path, said: str, left: list[str]
) -> None:
    terminal = Terminal(admin_shell, "files", "rm", put(admin_shell, local, f"{folder}/a"))
    terminal.type(said, at="for good? [y/N]: ")
    terminal.end()
    assert names(admin_shell, folder) == left


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_lists_fit_the_terminal(admin_shell: Shell, folder: str, columns: int) -> None:
    put(admin_shell, "/dev/null", f"{folder}/a-name-of-some-length/in-a-folder/of-some-length.pdf")
    terminal = Terminal(admin_shell, "files", "ls", folder, columns=columns)
    assert terminal.end() == 0
    assert max(map(len, plain(terminal).splitlines())) <= columns
    assert ("application/pdf" in plain(terminal)) == (columns >= 100)
