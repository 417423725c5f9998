"""Options that were typed and would do nothing: they are refused before anything runs."""

from collections.abc import Collection

import typer


def refuse(context: typer.Context, names: Collection[str], why: str) -> None:
    """Refuse options that were typed.

    Args:
        context: of the command.
        names: of the command's parameters that would do nothing.
        why: beside or without what they do nothing, and what to do instead.

    Raises:
        ValueError: naming the options as they are spelled, with the reason.
    """
    if spelled := [option for name, option in typed(context).items() if name in names]:
        raise ValueError(f"{', '.join(spelled)} would do nothing {why}")


def typed(context: typer.Context) -> dict[str, str]:
    """What was typed, by the name of its parameter: an option as it is spelled, an argument as the help calls it."""
    found = {}
    for parameter in context.command.params:
        name, option = str(parameter.name), parameter.opts[0]
        is_there = context.params.get(name) not in (None, (), [])  # to Typer 0.26 words are typed where there are none
        if is_there and str(context.get_parameter_source(name)).endswith("COMMANDLINE"):
            found[name] = option if option.startswith("-") else parameter.metavar or option
    return found
