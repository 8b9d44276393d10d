"""What other teams install is light, and says what it lacks."""

import subprocess
import sys

CLIENT = "import sys, gatehouse_client; print(*sorted(sys.modules))"
SERVER = "import sys; sys.modules['jwt'] = None; import gatehouse_client.server"


def python(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_client_takes_nothing_but_grpc_and_protobuf() -> None:
    loaded = {name.partition(".")[0] for name in python(CLIENT).stdout.split()}
    assert {"gatehouse_client", "grpc", "google"} <= loaded
    assert not loaded & {"service", "jwt", "cryptography", "protovalidate", "sqlalchemy"}


def test_who_verifies_tokens_without_the_extra_is_told_which() -> None:
    failed = python(SERVER)
    assert failed.returncode == 1
    assert "pip install 'gatehouse[verify]'" in failed.stderr
