"""The operator's commands beside a running server."""

from tests.e2e.cli.conftest import PASSWORD
from tests.support.commands import Served, Shell
from tests.support.waiting import wait_until


def test_a_reset_password_ends_all_sessions_of_the_running_server(
    operator: Shell, ada: Shell, email: str
) -> None:
    assert ada.run("whoami").code == 0
    reset = operator.run("admin", "reset-password", email, "--generate", "--json").json
    assert reset["state"] == "active"
    wait_until(lambda: ada.run("whoami").code == 1)
    assert "SESSION_REVOKED" in ada.run("whoami").line
    refused = ada.run("login", email, "--password-stdin", typed=PASSWORD)
    assert "INVALID_CREDENTIALS" in refused.line
    assert ada.run("login", email, "--password-stdin", typed=reset["password"]).code == 0


def test_a_password_given_by_the_operator_is_held_to_the_policy(
    operator: Shell, ada: Shell, email: str
) -> None:
    refused = operator.run("admin", "reset-password", email, "--password-stdin", typed="short")
    assert refused.line == "gatehouse: password: must have at least 15 characters"
    assert ada.run("whoami").code == 0
    new = "nine quiet lamps burning"
    told = operator.run("admin", "reset-password", email, "--password-stdin", typed=new)
    assert (told.code, new in told.out) == (0, False)
    assert ada.run("login", email, "--password-stdin", typed=new).code == 0


def test_a_suspended_user_stays_so_after_a_reset(
    operator: Shell, admin_shell: Shell, email: str
) -> None:
    admin_shell.run("users", "suspend", email)
    reset = operator.run("admin", "reset-password", email, "--generate")
    assert reset.code == 0
    assert "They stay suspended" in reset.err


def test_an_unknown_address_is_told_in_one_line(operator: Shell) -> None:
    line = operator.run("admin", "reset-password", "nobody@example.org", "--generate").line
    assert line == "gatehouse: nobody has the e-mail address nobody@example.org"


def test_the_doctor_finds_a_running_server_well(operator: Shell, server: Served) -> None:
    ports = {
        "GATEHOUSE_GRPC_ADDRESS": server.address,
        "GATEHOUSE_OPS_ADDRESS": server.ops.removeprefix("http://"),
    }
    operator.environment.update(ports)
    report = operator.run("doctor", "--json").json
    assert report["ok"]
    found = {one["check"]: one["detail"] for one in report["checks"]}
    assert found["gRPC port"] == f"a running Gatehouse listens at {server.address}"
    assert found["encryption keys"] == "they open what is sealed"


def test_migrating_beside_a_running_server_finds_nothing_to_do(operator: Shell) -> None:
    done = operator.run("migrate", "--json").json
    assert done["from"] == done["to"] != ""
