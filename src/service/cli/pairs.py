"""Facts that are given one by one: `--label team=apollo --label quarter=3`."""

import typer


def pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """The values by their keys. Refused as wrong usage where there is no `=`."""
    found = {}
    for one in given or ():
        key, equals, value = one.partition("=")
        if not equals:
            raise typer.BadParameter(f"{option} takes KEY=VALUE, not {one!r}")
        found[key] = value
    return found
