"""`jzt kb check`: every fault of a pack, and what of its sources it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import click

from bot.commands._packs import packs_dir
from bot.commands.ask import shanghai_today
from policies_kb.authoring.messages import in_chinese
from policies_kb.authoring.notices import notices
from policies_kb.authoring.strays import strays
from policies_kb.coverage import Coverage, CoveredPlan, coverage
from policies_kb.errors import DataFileError
from policies_kb.loader import UnknownPack, load_pack, pack_names
from policies_kb.retrieval.check import check_answers
from policies_kb.rules.cases import check_cases


@dataclass(frozen=True, slots=True)
class _Found:
    problems: tuple[str, ...]
    coverage: Coverage | None
    cases: int = 0
    notices: tuple[str, ...] = ()


@click.command(help="检查政策包：文件、条款引用、词表、评测问题、算例；列出原文哪些条款已收、哪些没收")
@click.option("--pack", help="只查这一个；不写就查全部")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
@click.option("--quiet", is_flag=True, help="没有问题时不列条款")
def command(pack: str | None, as_json: bool, quiet: bool) -> None:
    """Load packs and report every fault with file, line and cure; exit status 1 when there is one."""
    found = {name: _check(name) for name in ((pack,) if pack else pack_names(packs_dir()))}
    if as_json:
        click.echo(json.dumps({name: _as_json(one) for name, one in found.items()}, ensure_ascii=False))
    else:
        for name, one in found.items():
            _show(name, one, quiet)
    if any(one.problems for one in found.values()):
        raise SystemExit(1)


def _check(name: str) -> _Found:
    try:
        pack = load_pack(name, packs_dir())
    except UnknownPack as error:
        raise click.ClickException(str(error)) from error
    except DataFileError as error:
        return _Found(tuple(map(in_chinese, error.problems)), None)
    covered = coverage(pack)
    run = check_cases(pack)
    problems = (*strays(pack), *check_answers(pack), *covered.problems, *run.problems)
    said = tuple(map(in_chinese, notices(pack, covered, shanghai_today())))
    return _Found(tuple(map(in_chinese, problems)), covered, run.count, said)


def _show(name: str, found: _Found, quiet: bool) -> None:
    count = len(found.problems)
    click.echo(
        (f"{name}：{count} 个问题" if count else f"{name}：没有发现问题")
        + f"，算例 {found.cases} 个" * bool(found.cases)
    )
    for line in found.problems:
        click.echo(f"  {line}")
    if quiet or found.coverage is None:
        return
    if found.notices:
        click.echo(f"  提醒 {len(found.notices)} 条(不是错，照样能用)：")
        for line in found.notices:
            click.echo(f"    {line}")
    click.echo(f"  有条款的救助方案 {len(found.coverage.schemes)} 个：{'、'.join(found.coverage.schemes)}")
    plans = found.coverage.plans
    if plans:
        clauses = [clause for plan in plans for clause in plan.clauses]
        left = sum(bool(clause.left_out) for clause in clauses)
        theirs = sum(plan.residents for plan in plans)
        click.echo(
            f"  原文 {len(plans)} 份：{theirs} 份涉及居民，共 {len(clauses)} 条，收了 {len(clauses) - left} 条，"
            f"没有收 {left} 条(原因写在下面)；{len(plans) - theirs} 份不涉及居民"
        )
    for plan in plans:
        click.echo(f"  [{plan.collection} {plan.place}] {plan.plan}：{_plan(plan)}")
        for clause in plan.clauses:
            if clause.left_out:
                click.echo(f"      没有收 {clause.number}：{clause.left_out}")


def _plan(plan: CoveredPlan) -> str:
    if not plan.residents:
        return f"不涉及居民({plan.why})"
    taken = [clause.number for clause in plan.clauses if clause.as_]
    return f"{len(plan.clauses)} 条收了 {len(taken)} 条：{' '.join(taken)}"


def _as_json(found: _Found) -> dict[str, Any]:
    covered = found.coverage
    return {
        "problems": list(found.problems),
        "notices": list(found.notices),
        "cases": found.cases,
        "schemes": list(covered.schemes) if covered else [],
        "coverage": [plan.model_dump(by_alias=True) for plan in covered.plans] if covered else [],
    }
