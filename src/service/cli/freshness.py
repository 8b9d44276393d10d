"""How fresh an answer about access has to be."""

from typing import Annotated

import typer
from gatehouse.access.v1.consistency_pb2 import Consistency

FullyConsistent = Annotated[
    bool,
    typer.Option("--fully-consistent", help="Know every write that was acknowledged before."),
]
AtLeastAsFresh = Annotated[
    str,
    typer.Option(
        "--at-least-as-fresh",
        metavar="REVISION",
        show_default=False,
        help="Know at least what this revision knew; writes answer one with --json.",
    ),
]


def consistency(fully_consistent: bool, at_least_as_fresh: str) -> Consistency | None:
    """What the two options ask for together, if anything."""
    if fully_consistent and at_least_as_fresh:
        raise typer.BadParameter("--fully-consistent and --at-least-as-fresh exclude each other")
    if fully_consistent:
        return Consistency(fully_consistent=True)
    if at_least_as_fresh:
        return Consistency(at_least_as_fresh=at_least_as_fresh)
    return None
