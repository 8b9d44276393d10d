"""The table: on the terminal, and in bench/results/ as JSON, Markdown and a chart."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.chart import chart
from bench.machine import LOAD_CORE, SERVER_CORE, Facts
from bench.outcome import Outcome

RESULTS = Path(__file__).parent / "results"

_QUIET = 0.05
_COLOURS = {"met": "green", "MISSED": "bold red", "no peer": "yellow", "": ""}


@dataclass(frozen=True)
class Run:
    """One run of the benchmark, whole."""

    time: datetime
    machine: Facts
    generator: str
    quick: bool
    outcomes: list[Outcome]
    refused: list[str]

    @property
    def name(self) -> str:
        """How its files are called."""
        return f"{self.time:%Y-%m-%d}-{self.machine.commit}"

    @property
    def about(self) -> list[str]:
        """What stands above the table."""
        look = ", a quick look" if self.quick else ""
        versions = ", ".join(f"{name} {found}" for name, found in self.machine.packages.items())
        cores = f"{self.machine.cores} cores, {self.machine.memory_gib:g} GiB"
        return [
            f"Commit {self.machine.commit}, {self.time:%Y-%m-%d %H:%M} UTC{look}",
            f"{self.machine.cpu}, {cores}; Linux {self.machine.kernel}",
            f"Python {self.machine.python}; {versions}",
            f"Server on core {SERVER_CORE}; load, PostgreSQL and Valkey on core {LOAD_CORE}",
            f"Load by {self.generator}",
        ]


def show(run: Run, console: Console) -> None:
    """Prints the table."""
    table = Table(title=f"Gatehouse {run.name}", title_justify="left")
    for heading in ("work", "Gatehouse", "peer", "", "ratio", "budget", ""):
        table.add_column(heading, justify="left" if heading in {"work", "peer"} else "right")
    for one in run.outcomes:
        colour = _COLOURS[one.verdict]
        table.add_row(*_cells(one), f"[{colour}]{one.verdict}[/]" if colour else "")
    console.print(table)
    for one in run.outcomes:
        for note in notes(one):
            console.print(f"[dim]{one.work}:[/] {note}")
    for reason in run.refused:
        console.print(f"[bold red]refused[/] {reason}")
    console.print("\n".join(run.about), highlight=False)


def line(outcome: Outcome) -> str:
    """One outcome as soon as it is known."""
    return "  ".join(cell for cell in (*_cells(outcome), outcome.verdict) if cell)


def keep(run: Run) -> Path:
    """Writes the run's three files; answers the table's path."""
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / run.name
    content = asdict(run) | {"outcomes": [outcome.as_json() for outcome in run.outcomes]}
    stem.with_suffix(".json").write_text(json.dumps(content, indent=1, default=str) + "\n")
    stem.with_suffix(".svg").write_text(chart(run.outcomes, run.about[0]))
    stem.with_suffix(".md").write_text(_markdown(run))
    return stem.with_suffix(".md")


def _markdown(run: Run) -> str:
    lines = [f"# Benchmark {run.name}", ""]
    lines += [f"- {fact}" for fact in run.about]
    lines += ["", f"![how far within its budget each row is]({run.name}.svg)", ""]
    lines += ["| work | Gatehouse | peer | | ratio | budget | |", "|---|--:|---|--:|--:|--:|---|"]
    lines += [f"| {' | '.join((*_cells(one), one.verdict))} |" for one in run.outcomes]
    lines += [f"\nRefused: {reason}" for reason in run.refused]
    lines += ["", "Notes:", ""]
    lines += [f"- {one.work}: {'; '.join(notes(one))}" for one in run.outcomes if notes(one)]
    return "\n".join(lines) + "\n"


def notes(one: Outcome) -> list[str]:
    """What is to be known of a figure."""
    if one.others < _QUIET:
        return one.notes
    return [*one.notes, f"NOT QUIET: others took {one.others:.0%} of a core meanwhile"]


def _cells(one: Outcome) -> tuple[str, ...]:
    return (
        one.work,
        f"{figure(one.ours)} {one.unit}",
        one.peer,
        "" if one.theirs is None else f"{figure(one.theirs)} {one.unit}",
        "" if one.ratio is None else f"{one.ratio:.2f} ×",
        "" if one.budget is None else str(one.budget),
    )


def figure(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
