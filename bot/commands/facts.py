"""`jzt facts`: every fact the self-assessment can use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from bot.commands._packs import DEFAULT_PACK, packs_dir
from policies_kb.authoring.messages import told
from policies_kb.errors import DataFileError
from policies_kb.loader import load_pack
from policies_kb.pack import Fact

_TYPES = {
    "int": "整数",
    "money": "金额",
    "bool": "是/否",
    "choice": "选一个",
    "number": "数字",
    "text": "文字",
    "date": "日期",
}
_SCOPES = {"household": "全家", "member": "每个人", "either": "全家或每个人"}


@click.command(help="列出自测用到的每一项情况：类型、单位、可以填什么、怎么问")
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="政策包")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def command(pack: str, as_json: bool) -> None:
    """List the catalogue."""
    try:
        facts = load_pack(pack, packs_dir()).facts
    except DataFileError as error:
        raise click.ClickException(told(error)) from None
    if as_json:
        click.echo(json.dumps({"facts": _listed(facts)}, ensure_ascii=False))
    else:
        click.echo("\n".join(_line(name, fact) for name, fact in facts.items()))


def _listed(facts: Mapping[str, Fact]) -> list[dict[str, Any]]:
    """One entry a fact; facts of one dotted group (`pension.tier`) stand together as an object's fields."""
    listed: dict[str, dict[str, Any]] = {}
    for name, fact in facts.items():
        group, _, field = name.partition(".")
        if not field:
            listed[name] = _as_json(name, fact)
            continue
        parts = listed.setdefault(group, {"name": group, "scope": fact.scope, "type": "object", "fields": []})
        parts["fields"].append(_as_json(field, fact))
    return list(listed.values())


def _as_json(name: str, fact: Fact) -> dict[str, Any]:
    values: list[Any] | None = [choice.value for choice in fact.choices] or None
    return {
        "name": name,
        "scope": fact.scope,
        "type": fact.type,
        "unit": fact.unit or None,
        "label": fact.label,
        "values": [True, False] if fact.type == "bool" else values if fact.type == "choice" else None,
        "minimum": None if fact.minimum is None else float(fact.minimum),
        "maximum": None if fact.maximum is None else float(fact.maximum),
        "asked": fact.ask,
        "question": fact.question or f"{fact.label}?",
        "simpler": fact.simpler or None,
        "why": fact.why or None,
    }


def _line(name: str, fact: Fact) -> str:
    parts = [_SCOPES[fact.scope], _TYPES[fact.type], fact.unit]
    if fact.type == "choice":
        parts.append(" ".join(f"{choice.value}={choice.title}" for choice in fact.choices))
    return f"{name}({','.join(part for part in parts if part)})\n    {fact.question or fact.label}"
