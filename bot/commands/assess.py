"""`jzt assess`: what the schemes of a pack say of one household's facts."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import click

from bot.commands._packs import DEFAULT_PACK, packs_dir
from policies_kb.authoring.messages import told
from policies_kb.cards import Card, ResultSheet, cited_once
from policies_kb.errors import DataFileError
from policies_kb.knowledge import PackKnowledge, open_pack
from policies_kb.rules.doubts import doubts_of
from policies_kb.rules.facts import FactsError, read_facts
from policies_kb.types import SchemeResult

# The contract's keys, in its order.
CONTRACT = ("scheme", "outcome", "amount_month", "amount_once", "reasons", "missing", "next")
_HEADINGS = (("likely", "可能符合"), ("unknown", "还不能判断"), ("unlikely", "按现在的情况对不上"))


class _Faulty(ValueError):
    """JSON that parses but cannot be meant."""


@click.command(help="自测：按家庭情况看可能符合哪些救助。例：jzt assess --facts 家庭.json")
@click.option(
    "--facts", "file", required=True, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="家庭情况的 JSON 文件；- 表示从标准输入读。有哪些项目，见 jzt facts",
)  # fmt: skip
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="政策包")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="按哪一天的规定判断，默认今天")
@click.option(
    "--pdf", type=click.Path(dir_okay=False, path_type=Path), help="把结果卡存成大字的 PDF，可以打印带到窗口"
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def command(file: Path, pack: str, today: datetime | None, pdf: Path | None, as_json: bool) -> None:
    """Assess one household."""
    day = today.date() if today else datetime.now(ZoneInfo("Asia/Shanghai")).date()
    try:
        knowledge = open_pack(pack, packs_dir())
        data = _read(file)
        facts = read_facts(knowledge.loaded.facts, data)
        results = knowledge.assess(data, today=day)
        doubts = doubts_of(knowledge.loaded, facts, day)
    except DataFileError as error:
        raise click.ClickException(told(error)) from None
    except FactsError as error:
        raise click.ClickException("\n".join(f"{file}：{problem}" for problem in error.problems)) from None
    for name in facts.unused:
        click.echo(f"{file}：{name}：没有这一项，没有用上。有哪些项目，见 jzt facts。", err=True)
    for doubt in doubts:
        click.echo(f"{file}：{doubt.key}：{doubt.report}。请核对；照写的算了。", err=True)
    if pdf is not None:
        _write(pdf, knowledge, results, day)
    if as_json:
        click.echo(json.dumps({"results": [_as_contract(result) for result in results]}, ensure_ascii=False))
    else:
        click.echo(_readable(knowledge.sheet(results, today=day)))


def _write(path: Path, knowledge: PackKnowledge, results: tuple[SchemeResult, ...], day: date) -> None:
    """The result as a paper. Who asks for no paper does not wait for the typesetter's import."""
    from bot.paper import paper
    from integrations.documents.cards import CardsNotMade

    try:
        path.write_bytes(paper(knowledge.sheet(results, today=day), knowledge.text))
    except CardsNotMade as error:
        raise click.ClickException(f"{path}：PDF 没有做成（{error}）。") from None
    except OSError as error:
        raise click.ClickException(f"{path}：写不进去（{error.strerror}）。请换个文件名或文件夹。") from None
    click.echo(f"已存成 {path}", err=True)


def _read(file: Path) -> Any:
    """The file as JSON; sums as exact decimals."""
    try:
        read = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        text = read.decode("utf-8-sig")
    except OSError as error:
        raise click.ClickException(f"{file}：读不了（{error.strerror}）。请核对文件名和权限。") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{file}：不是 UTF-8 文字。请另存为 UTF-8。") from None
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_no_double)
    except json.JSONDecodeError as error:
        place = f"第{error.lineno}行第{error.colno}个字"
        raise click.ClickException(f"{file}：{place}不是正确的 JSON（{error.msg}）。请改正。") from None
    except _Faulty as error:
        raise click.ClickException(f"{file}：{error}") from None
    except (ValueError, RecursionError):
        raise click.ClickException(f"{file}：数字太长或者层次太深。请核对。") from None


def _no_number(constant: str) -> NoReturn:
    raise _Faulty(f"{constant} 不是数字。请写阿拉伯数字。")


def _no_double(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise _Faulty(f"{double} 写了两次。请只留一个。")
    return dict(pairs)


def _as_contract(result: SchemeResult) -> dict[str, Any]:
    dumped = result.model_dump(mode="json", include=set(CONTRACT))
    for key in ("amount_month", "amount_once"):
        if dumped[key] is not None and dumped[key] == int(dumped[key]):
            dumped[key] = int(dumped[key])
    return {key: dumped[key] for key in CONTRACT}


def _readable(sheet: ResultSheet) -> str:
    """Every card in words, grouped by outcome, best first."""
    day = sheet.assessed_on
    lines = [f"按{sheet.title}的规定，{day.year}年{day.month}月{day.day}日算的结果："]
    for outcome, heading in _HEADINGS:
        found = [card for card in sheet.cards if card.outcome == outcome]
        if found:
            lines += ["", f"【{heading}】", *(line for card in found for line in _card(card))]
    return "\n".join([*lines, "", sheet.decides])


def _card(card: Card) -> list[str]:
    lines = [f"■ {card.name}：{card.verdict}{card.amount and '，' + card.amount}"]
    for section in card.sections:
        # Where and how is of use to whom it may concern; for the others the reasons are enough.
        if card.outcome == "unlikely" and section.kind != "looked_at":
            continue
        lines.append(f"  {section.heading}：")
        lines += [
            f"  · {line.text}{line.source and f'（依据：{line.source}）'}"
            for line in cited_once(section.lines)
        ]
    if card.next:
        lines.append(f"  → {card.next}")
    return lines
