"""How the command begins and ends."""

import os
import subprocess
import sys


def run(before: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command, after some lines that change its world."""
    code = f"{before}\nfrom service.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_without_the_server_packages_it_says_which_to_install() -> None:
    done = run("import sys; sys.modules['typer'] = None", "whoami")
    assert done.returncode == 1
    assert done.stderr == "gatehouse: typer is not installed: install gatehouse[server]\n"


_INTERRUPTED_IMPORT = """
import sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
"""


def test_a_ctrl_c_while_it_is_still_loading_leaves_no_traceback() -> None:
    done = run(_INTERRUPTED_IMPORT, "whoami")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "service", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
