"""What programs and people get to see."""

import json
import os

import pytest
from gatehouse.users.v1.user_pb2 import User
from gatehouse.users.v1.user_service_pb2 import ListUsersResponse

from service.cli.screen import Column, Screen


def test_programs_get_protobuf_json_with_unset_fields(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).json(ListUsersResponse(users=[User(name="users/1", email="é@x")]))
    out = capsys.readouterr().out
    answer = json.loads(out)
    assert answer["nextPageToken"] == ""
    assert answer["users"][0]["emailVerified"] is False
    assert "é@x" in out


def test_one_message_of_many_is_a_line_that_is_there_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "w") as out, os.fdopen(ours) as reader:
        monkeypatch.setattr("sys.stdout", out)
        Screen(as_json=True).json_line(User(name="users/1", display_name="a\n\u2028b"))
        line = reader.readline()
    assert json.loads(line)["displayName"] == "a\n\u2028b"
    assert json.loads(line)["emailVerified"] is False
    assert line.rstrip("\n").isprintable()


def test_a_word_for_people_is_not_said_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).answer({"done": True}, "It is done.")
    assert json.loads(capsys.readouterr().out) == {"done": True}
    Screen(as_json=False).answer({"done": True}, "It is done.")
    assert capsys.readouterr().out == "It is done.\n"


def test_what_strangers_wrote_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    evil = "[red]\x1b[31m\r\nnot \u202eme"
    screen.facts({"name": evil})
    screen.table([Column("NAME")], [[evil]])
    screen.answer({}, evil)
    screen.lines([evil])
    shown = r"[red]\x1b[31m\r\nnot \u202eme"
    assert capsys.readouterr().out.splitlines() == [f"name  {shown}", "NAME", shown, shown, shown]


def test_json_says_the_same_without_what_could_turn_lines_or_steer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    value = {"name": "é中\u202e\u2066\x9b\x7f\n\u2028\U000e0001"}
    Screen(as_json=True).json(value)
    out = capsys.readouterr().out
    assert out.replace("\n", "").isprintable()
    assert "é中" in out
    assert json.loads(out) == value


def test_a_question_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question, **_: asked.append(question))
    Screen(as_json=False).confirm("Delete \u202e\x1b[31m?", unless="--yes")
    assert asked == [r"Delete \u202e\x1b[31m?"]


def test_in_a_pipe_nothing_is_left_out_folded_or_padded(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 500
    columns = [Column("A"), Column("B", from_width=200), Column("C", folds=True)]
    Screen(as_json=False).table(columns, [["1", long, long], ["2", "b", "c"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"1  {long}  {long}"
    assert lines[2].split() == ["2", "b", "c"]
    assert lines[2] == lines[2].rstrip()


def test_notes_stay_out_of_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    screen.more("")
    screen.more("token")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "There are more: --limit 0 lists all.\n"
