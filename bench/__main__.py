"""`python -m bench [ROW …]`: measures, shows a table, and keeps it in bench/results/."""

import argparse
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime

from rich.console import Console

from bench import report
from bench.load.generator import INSTALL, best_generator
from bench.machine import LOAD_CORE, facts
from bench.outcome import Outcome, Refused
from bench.rows import ROWS
from bench.stage import Stage

console = Console(stderr=True)


def main() -> int:
    """Answers 0 when every row met its budget, 1 when one missed it, 2 when one was refused."""
    wanted = _arguments()
    rows = [row for row in ROWS if not wanted.rows or row.name in wanted.rows]
    generator = best_generator()
    if not generator.light:
        console.print(f"[yellow]h2load is not installed; a slower load is used. {INSTALL}[/]")
    os.sched_setaffinity(0, [LOAD_CORE])
    outcomes: list[Outcome] = []
    refused: list[str] = []
    with ExitStack() as closing, console.status("") as status:
        stage = Stage(
            generator,
            quick=wanted.quick,
            rounds=wanted.rounds or (3 if wanted.quick else 7),
            seconds=wanted.seconds or (1.0 if wanted.quick else 4.0),
            closing=closing,
            say=status.update,
        )
        for row in rows:
            status.update(row.about)
            try:
                found = row.measure(stage)
            except Refused as error:
                refused.append(f"{row.name}: {error}")
                continue
            outcomes += found
            for outcome in found:
                console.print(report.line(outcome))
    run = report.Run(datetime.now(UTC), facts(), generator.name, wanted.quick, outcomes, refused)
    # Not narrower where it goes into a file.
    report.show(run, Console() if sys.stdout.isatty() else Console(width=140))
    if wanted.keep:
        console.print(f"kept in {report.keep(run)}")
    if refused:
        return 2
    return int(any(outcome.verdict == "MISSED" for outcome in outcomes))


def _arguments() -> argparse.Namespace:
    listing = "\n".join(f"  {row.name:<12} {row.about}" for row in ROWS)
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures Gatehouse against its budgets, each row beside its peer in one run.",
        epilog=f"rows:\n{listing}\n\nh2load makes the load where it is installed:\n  {INSTALL}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "rows",
        nargs="*",
        metavar="ROW",
        help="which rows, all by default",
        choices=[[], *(row.name for row in ROWS)],
    )
    parser.add_argument(
        "--quick", action="store_true", help="short rounds and fewer users: a look, no result"
    )
    parser.add_argument("--rounds", type=int, help="how many of each side (7; quick 3)")
    parser.add_argument("--seconds", type=float, help="how long a round lasts (4; quick 1)")
    parser.add_argument(
        "--keep",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="write bench/results/ (by default all rows in full are, others are not)",
    )
    found = parser.parse_args()
    if found.keep is None:
        found.keep = not found.quick and not found.rows
    return found


if __name__ == "__main__":
    sys.exit(main())
