"""What commands print: JSON for programs, facts and tables for people.

Answers go to standard output and everything else to standard error, so that a pipe gets answers
only. On a terminal tables fit its width; elsewhere nothing is cut, folded or coloured.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from service.cli.visible import visible

# Wider than any row, for what is not a terminal.
_UNBOUNDED = 100_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; on a terminal narrower than `from_width` it is left out.

    Where there is no room, columns that `folds` take more lines.
    """

    title: str
    from_width: int = 0
    folds: bool = False


class Screen:
    """Where a command prints."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = console(sys.stdout)
        self._notes = console(sys.stderr)

    def json(self, value: Message | Mapping[str, Any]) -> None:
        """One JSON document; of messages the protobuf JSON, unset fields included."""
        if isinstance(value, Message):
            value = MessageToDict(value, always_print_fields_with_no_presence=True)
        sys.stdout.write(f"{_as_json(value, indent=2)}\n")

    def json_line(self, value: Message) -> None:
        """The same as one line of many, there at once for who reads them in a pipe."""
        as_dict = MessageToDict(value, always_print_fields_with_no_presence=True)
        sys.stdout.write(f"{_as_json(as_dict, indent=None)}\n")
        sys.stdout.flush()

    def facts(self, facts: Mapping[str, str]) -> None:
        """A line for each fact."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in facts.items():
            grid.add_row(name, printable(value))
        self._print(grid)

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """A table. Names to go on with, which come first, and short columns are never folded."""
        shown = [i for i, one in enumerate(columns) if one.from_width <= self._out.width]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for i in shown:
            table.add_column(columns[i].title, no_wrap=not columns[i].folds, overflow="fold")
        for row in rows:
            table.add_row(*(printable(row[i]) for i in shown))
        self._print(table)

    def tree(self, tree: Tree) -> None:
        """A tree, of labels that are `printable`."""
        self._print(tree)

    def lines(self, lines: Iterable[str]) -> None:
        """Lines, never folded; those that are indented are there to be copied."""
        for line in lines:
            self._out.print(printable(line), style="cyan" * line.startswith(" "), soft_wrap=True)

    def _print(self, laid_out: Table | Tree) -> None:
        if self._out.is_terminal:
            self._out.print(laid_out)
            return
        with self._out.capture() as captured:
            self._out.print(laid_out)
        lines = (line.rstrip() for line in captured.get().splitlines())
        sys.stdout.writelines(f"{line}\n" for line in lines)

    def answer(self, value: Message | Mapping[str, Any], line: str) -> None:
        """A program gets the answer, a person a word on what was done."""
        if self.as_json:
            self.json(value)
        else:
            self._out.print(printable(line), soft_wrap=True)

    def finding(self, status: str, check: str, detail: str) -> None:
        """A line of a report."""
        style = {"ok": "green", "problem": "bold red"}.get(status, "yellow")
        line = Text.assemble((f"{status:<9}", style), f"{check:<17}", printable(detail))
        self._out.print(line, soft_wrap=True)

    def more(self, page_token: str) -> None:
        """A word that the list went on, if it did."""
        if page_token:
            self.note("There are more: --limit 0 lists all.")

    def confirm(self, question: str, *, unless: str) -> None:
        """Asks, and goes on only after a yes; without a terminal to ask at the option must say."""
        question = visible(question)
        if not sys.stdin.isatty():
            raise typer.BadParameter(f"there is no terminal to ask at: {question} Say {unless}")
        typer.confirm(question, abort=True, err=True)

    def note(self, line: str) -> None:
        """A word beside the answer."""
        self._notes.print(printable(line), style="dim", soft_wrap=True)


def console(stream: Any) -> Console:
    """A console on the stream; off a terminal it never wraps."""
    width = None if stream.isatty() else _UNBOUNDED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def printable(text: str) -> Text:
    """The text without what would steer the terminal: some of it was written by strangers."""
    return Text(visible(text))


def when(time: Timestamp) -> str:
    """A time as people here say it."""
    return time.ToDatetime(UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def exactly(time: Timestamp) -> str:
    """The same to the second, for what comes in quick succession."""
    return time.ToDatetime(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _as_json(value: object, *, indent: int | None) -> str:
    """JSON in which strings keep the letters of all languages, not what nobody sees."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
