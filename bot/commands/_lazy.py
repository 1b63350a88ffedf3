"""Command groups whose members are imported only when called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from gettext import gettext as _
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that knows its members by name, place (`module` or `module:attribute`) and one-line help.

    The help stands here so that listing the commands imports none of them.
    """

    def __init__(self, *args: Any, members: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._members = members

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the members and of what was added in the usual way."""
        return sorted({*self._members, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The member, imported now; None when there is none of this name."""
        if cmd_name not in self._members:
            return super().get_command(ctx, cmd_name)
        module, _sign, attribute = self._members[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute or "command")
        if not isinstance(command, click.Command):
            raise TypeError(f"{self._members[cmd_name][0]} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the members with their help, importing none."""
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, self._members[name][1]) for name in sorted(self._members)])
