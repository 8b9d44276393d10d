"""Times as people give them."""

import time

import pytest
import typer

from service.cli.moments import moment, past

IN = {"90m": 90 * 60, "2h": 2 * 3600, "7d": 7 * 86400, "1w": 7 * 86400}


@pytest.mark.parametrize("given", IN)
def test_so_long_from_now(given: str) -> None:
    assert abs(moment(given).seconds - time.time() - IN[given]) < 5


@pytest.mark.parametrize("given", IN)
def test_so_long_ago(given: str) -> None:
    assert abs(past(given).seconds - time.time() + IN[given]) < 5


def test_a_day_or_a_time_is_of_this_machines_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Etc/GMT-2")  # which is two hours east
    time.tzset()
    try:
        assert moment("2026-12-31").ToJsonString() == "2026-12-30T22:00:00Z"
        assert moment("2026-12-31T18:00").ToJsonString() == "2026-12-31T16:00:00Z"
        assert moment("2026-12-31T18:00:30Z").ToJsonString() == "2026-12-31T18:00:30Z"
        assert past("2026-12-31 18:00:30").ToJsonString() == "2026-12-31T16:00:30Z"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("given", ["", "soon", "2", "2y", "-2h", "2026-13-01", "9" * 20 + "w"])
def test_what_is_no_time_is_wrong_usage(given: str) -> None:
    for read, said in ((moment, "say 2h, 7d"), (past, r"say 2h \(ago\), 7d")):
        with pytest.raises(typer.BadParameter, match=said):
            read(given)
