"""Commands whose usage reads as manuals write it: `update [OPTIONS] ROLE`, not `{ROLE}`."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand


class Command(TyperCommand):
    """A command. An argument that is hidden stands for words of several forms.

    Its metavar gives them, such as `[SUBJECT] PERMISSION PATH`, and the help explains them.
    """

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What stands behind the command's name."""
        arguments = [it for it in self.params if isinstance(it, TyperArgument)]
        return ["[OPTIONS]", *map(_piece, arguments)]


class Commands(typer.Typer):
    """Commands that belong together."""

    def __init__(self, told: str) -> None:
        super().__init__(no_args_is_help=True, help=told)

    def command(self, name: str | None = None, **settings: Any) -> Callable[..., Any]:
        """Makes a function one of the commands."""
        return super().command(name, cls=Command, **settings)


def _piece(argument: TyperArgument) -> str:
    name = argument.metavar or ""
    if argument.hidden:
        return name
    several = "..." if argument.nargs == -1 else ""
    return f"{name}{several}" if argument.required else f"[{name}]{several}"
