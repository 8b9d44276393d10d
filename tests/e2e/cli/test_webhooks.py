"""Webhooks at a terminal, with receivers on loopback."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from tests.support.commands import Shell, finish
from tests.support.receiver import OK, Answer, Connection, Receiver, status
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

NOBODY = "webhooks/01890a5d-ac96-774b-bcce-b302099a8057"
GROUP_CREATED = "gatehouse.groups.created"


@pytest.fixture
def subscribe(
    admin_shell: Shell, new_receiver: Callable[..., Receiver]
) -> Iterator[Callable[..., tuple[str, Receiver]]]:
    """Makes webhooks, deleted with the test, and their receivers."""
    made: list[str] = []

    def create(answer: Answer = OK, *options: str) -> tuple[str, Receiver]:
        receiver = new_receiver(answer)
        done = admin_shell.run("webhooks", "create", receiver.url(), *options, "--json")
        made.append(done.json["webhook"]["name"])
        return made[-1], receiver

    yield create
    for name in made:
        admin_shell.run("webhooks", "delete", name, "--yes")


def new_group(shell: Shell) -> str:
    name = f"apollo-{uuid4().hex[:12]}"
    assert shell.run("groups", "create", name).code == 0
    return f"groups/{name}"


def rows(shell: Shell, *arguments: str) -> list[list[str]]:
    lines = shell.run("webhooks", *arguments).out.splitlines()
    return [re.split(" {2,}", line) for line in lines[1:]]


def test_the_secret_alone_is_printed_once_and_verifies_what_is_sent(
    admin_shell: Shell, new_receiver: Callable[..., Receiver]
) -> None:
    receiver = new_receiver()
    done = admin_shell.run("webhooks", "create", receiver.url(), "--type", "groups.created")
    [secret] = done.out.splitlines()
    [name] = re.findall(
        r"^(webhooks/\S+), to \S+\. Its secret is shown this once: keep it\.\n$", done.err
    )
    group = new_group(admin_shell)
    wait_until(lambda: receiver.of_type(GROUP_CREATED), "a message")
    [received] = receiver.of_type(GROUP_CREATED)
    assert Webhook(secret).verify(received.body, received.headers)["subject"] == group
    assert secret not in admin_shell.run("webhooks", "show", name, "--json").out
    assert admin_shell.run("webhooks", "delete", name, "--yes").out == f"Deleted {name}.\n"


def test_a_new_secret_signs_from_now_on(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    name, receiver = subscribe()
    done = admin_shell.run("webhooks", "rotate-secret", name)
    assert "Its new secret is shown this once: keep it. The old one is good for" in done.err
    assert admin_shell.run("webhooks", "ping", name).code == 0
    [received] = receiver.of_type("gatehouse.webhooks.pinged")
    Webhook(done.out.strip()).verify(received.body, received.headers)


def test_a_webhook_is_shown_changed_and_listed(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    name, receiver = subscribe(OK, "--type", "users.", "--description", "The CRM")
    id_alone = name.removeprefix("webhooks/")
    shown = admin_shell.run("webhooks", "show", id_alone).out
    assert re.search(r"^types +users\.$", shown, re.MULTILINE)
    assert re.search(r"^state +active$", shown, re.MULTILINE)
    [row] = [it for it in rows(admin_shell, "list", "--limit", "0") if it[0] == name]
    assert row[1:5] == ["active", receiver.url(), "users.", "The CRM"]

    more = ["--type", "groups.", "--type", "gatehouse.auth.", "--state", "disabled"]
    changed = admin_shell.run("webhooks", "update", name, *more, "--json").json["webhook"]
    assert changed["eventTypes"] == ["gatehouse.groups.", "gatehouse.auth."]
    assert (changed["state"], changed["description"]) == ("STATE_DISABLED", "The CRM")

    less = ["--all-types", "--description", "", "--url", receiver.url("/new")]
    changed = admin_shell.run("webhooks", "update", name, *less, "--json").json["webhook"]
    assert (changed["eventTypes"], changed["description"]) == ([], "")
    assert (changed["url"], changed["state"]) == (receiver.url("/new"), "STATE_DISABLED")


def test_a_ping_tells_how_the_receiver_answered(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    name, receiver = subscribe(status(202, b"taken,\n\x1b[31m thanks"), "--type", "users.")
    done = admin_shell.run("webhooks", "ping", name)
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(rf"{name} works: its receiver answered 202 taken, .*thanks\.\n", done.out)
    assert "\x1b" not in done.out
    assert len(receiver.of_type("gatehouse.webhooks.pinged")) == 1


def test_a_ping_waits_for_a_slow_receiver(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    seen = threading.Event()

    async def slowly(connection: Connection) -> None:
        while not seen.is_set():
            await asyncio.sleep(0.01)
        await connection.answer(200, b"at last")

    name, _ = subscribe(slowly, "--type", "users.")
    ping = admin_shell.start("webhooks", "ping", name)
    # Until then it is looked for twice at least: each of these takes longer than a look.
    for _ in range(2):
        wait_until(lambda: [it[3] for it in rows(admin_shell, "deliveries", name)] == ["1"])
    seen.set()
    assert finish(ping).out == f"{name} works: its receiver answered 200 at last.\n"


def test_a_ping_that_is_not_answered_well_fails_with_the_answer(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    name, _ = subscribe(status(500, b"no " * 100))
    line = admin_shell.run("webhooks", "ping", name).line
    said = f"{name} does not work: its receiver answered 500 {'no ' * 20}…:"
    assert line.startswith(f"gatehouse: {said} `gatehouse webhooks deliveries {name}` shows")
    done = admin_shell.run("webhooks", "ping", name, "--json")
    assert done.code == 1
    assert '"responseCode": 500' in done.out


def test_a_ping_of_nobody_fails_with_why(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    name, _ = subscribe()
    nowhere = "http://127.0.0.1:9/"
    assert admin_shell.run("webhooks", "update", name, "--url", nowhere).code == 0
    line = admin_shell.run("webhooks", "ping", name).line
    assert f"{name} does not work: No connection could be made" in line


def test_dead_letters_are_listed_and_sent_again(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    name, receiver = subscribe(status(410, b"moved on"), "--type", "users.")
    assert admin_shell.run("webhooks", "ping", name).code == 1
    wait_until(lambda: rows(admin_shell, "deliveries", name, "--failed"), "a dead letter")
    [[event, *told]] = rows(admin_shell, "deliveries", name, "--failed")
    assert told[:4] == ["webhooks.pinged", "failed", "1", "410 moved on"]

    receiver.answer = OK
    arguments = ["webhooks", "redeliver", name, event]
    assert "WEBHOOK_DISABLED]: `gatehouse webhooks update" in admin_shell.run(*arguments).line
    assert admin_shell.run("webhooks", "update", name, "--state", "active").code == 0
    assert admin_shell.run(*arguments).out == f"{event} is on its way to {name}.\n"
    only = ["deliveries", name, "--event", event.removeprefix("events/")]
    wait_until(lambda: rows(admin_shell, *only)[0][2] == "succeeded", "the delivery")
    assert rows(admin_shell, "deliveries", name, "--failed") == []


def test_what_waits_says_when_it_is_sent_again(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    name, _ = subscribe(status(503), "--type", "users.")
    assert admin_shell.run("webhooks", "ping", name).code == 1
    [[_, _, state, _, answer, again, last, *_]] = rows(admin_shell, "deliveries", name)
    assert (state, answer) == ("pending", "503")
    assert last < again


def test_deleting_is_asked_for_twice(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    name, _ = subscribe()
    assert "--yes" in admin_shell.run("webhooks", "delete", name).err
    assert (
        "ETAG_MISMATCH" in admin_shell.run("webhooks", "delete", name, "--yes", "--etag", "x").line
    )
    assert admin_shell.run("webhooks", "delete", name, "--yes").code == 0
    line = admin_shell.run("webhooks", "show", name).line
    assert "WEBHOOK_NOT_FOUND]: `gatehouse webhooks list` shows which are there" in line


def test_who_may_not_is_told_what_would_allow_it(ada: Shell) -> None:
    for arguments in (["create", "https://example.org/"], ["list"], ["ping", NOBODY]):
        assert "PERMISSION_MISSING]: `gatehouse explain" in ada.run("webhooks", *arguments).line


def test_what_is_not_there_is_refused_with_where_to_look(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]]
) -> None:
    name, _ = subscribe()
    gone = NOBODY.replace("webhooks", "events")
    line = admin_shell.run("webhooks", "redeliver", name, gone).line
    assert "EVENT_NOT_FOUND]: `gatehouse events list` shows which are kept" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["update", NOBODY],
        ["update", NOBODY, "--type", "users.", "--all-types"],
        ["update", NOBODY, "--state", "sleepy"],
        ["create"],
        ["redeliver", NOBODY],
    ],
)
def test_wrong_usage_ends_with_2(admin_shell: Shell, arguments: list[str]) -> None:
    done = admin_shell.run("webhooks", *arguments)
    assert done.code == 2
    assert "Error: " in done.err


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_tables_fit_the_terminal_and_keep_names_whole(
    admin_shell: Shell, subscribe: Callable[..., tuple[str, Receiver]], columns: int
) -> None:
    name, _ = subscribe(status(500, b"x" * 1000), "--description", "For the CRM " * 8)
    assert admin_shell.run("webhooks", "ping", name).code == 1
    for arguments, whole in (
        (["list", "--limit", "0"], name),
        (["deliveries", name], r"events/[0-9a-f-]{36} "),
    ):
        terminal = Terminal(admin_shell, "webhooks", *arguments, columns=columns)
        assert terminal.end() == 0
        plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.shown)
        assert re.search(whole, plain)
        assert max(map(len, plain.splitlines())) <= columns
