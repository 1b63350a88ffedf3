"""Texts and conditions of flow files: Jinja2 in its sandbox, checked at load.

A condition is a Jinja expression (`slots.has_members and not frame.done`), a text a Jinja template. Both see only
the names of NAMES; `slots.x` must be a declared slot, so a misspelling is found when the file is read, not when a
resident stands before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

# slots: filled slots; frame: the frame's own values; pack(key): a text of the policy pack; state: case_id, failures,
# handoff, drafts; summary: lines of the draft; problem: detail of an answer that could not be taken.
NAMES = frozenset({"slots", "frame", "pack", "state", "summary", "problem"})

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
    autoescape=False,
)


class Lenient(Mapping[str, JsonValue]):
    """A mapping whose missing keys read as None: an unfilled slot is nothing, not an error."""

    def __init__(self, values: Mapping[str, JsonValue]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> JsonValue:
        return self._values.get(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class BadExpression(ValueError):
    """A text or condition that cannot be used, with the reason."""


class Text:
    """A compiled text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._template = _ENVIRONMENT.from_string(source)

    def render(self, names: Mapping[str, Any]) -> str:
        """The text with its values, without space at the ends."""
        return self._template.render(names).strip()


class Condition:
    """A compiled condition."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._evaluate: Callable[..., Any] = _ENVIRONMENT.compile_expression(source, undefined_to_none=True)

    def holds(self, names: Mapping[str, Any]) -> bool:
        """Whether it holds, given the values of NAMES."""
        return bool(self._evaluate(**names))


def compile_text(source: str, slots: Collection[str]) -> Text:
    """Compile a text.

    Raises:
        BadExpression: bad syntax, a name that does not exist, or an unknown slot.
    """
    _inspect(source, slots)
    return Text(source)


def compile_condition(source: str, slots: Collection[str]) -> Condition:
    """Compile a condition.

    Raises:
        BadExpression: bad syntax, a name that does not exist, or an unknown slot.
    """
    _inspect("{{ (" + source + ") }}", slots)
    return Condition(source)


def pack_keys(source: str) -> frozenset[str]:
    """The pack texts a text uses: the literal arguments of `pack(…)`."""
    return frozenset(
        str(call.args[0].value)
        for call in _ENVIRONMENT.parse(source).find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name == "pack" and call.args
        and isinstance(call.args[0], nodes.Const)
    )  # fmt: skip


def _inspect(source: str, slots: Collection[str]) -> None:
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        raise BadExpression(f"bad syntax: {error.message}") from None
    stored = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in NAMES | stored:
            raise BadExpression(f"unknown name {name.name!r} (known: {', '.join(sorted(NAMES))})")
    for attribute in tree.find_all(nodes.Getattr):
        owner = attribute.node
        if isinstance(owner, nodes.Name) and owner.name == "slots" and attribute.attr not in slots:
            raise BadExpression(f"unknown slot {attribute.attr!r}")
