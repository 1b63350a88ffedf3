"""The report of a screening: figures as JSON, and a page that opens anywhere without the net."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pygal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygal.style import Style

from policies_kb.pack import Pack
from policies_kb.screening.tally import Change, SchemeCount, Tally
from policies_kb.screening.whatif import figures
from policies_kb.screening.words import Headers, labels, words

_MOST_MISSING = 15
_MOST_FIELDS = 15
_MOST_BARS = 12
_LONGEST_LABEL = 9
# Whether they are services, and what stands over them.
GROUPS = ((False, "各项救助"), (True, "能用的服务(不发钱，不算进上面的户数)"))
_STYLE = Style(
    background="transparent", plot_background="transparent", foreground="#1f2937", foreground_strong="#111827",
    foreground_subtle="#6b7280", colors=("#1d6fa5", "#c2410c", "#4d7c0f"), font_family="sans-serif",
    label_font_size=13, major_label_font_size=13, value_font_size=12, legend_font_size=13, title_font_size=14,
)  # fmt: skip


def figures_of(
    pack: Pack,
    tally: Tally,
    today: date,
    *,
    register: str,
    headers: Headers,
    changed: Sequence[tuple[str, str]],
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """Everything the report tells, sums in yuan, as JSON has it. `only`: the schemes that were wanted (none: all)."""
    titles, read = labels(pack), words()
    report: dict[str, Any] = {
        "register": register,
        "pack": pack.name,
        "pack_title": pack.title,
        "pack_version": pack.version,
        "today": today.isoformat(),
        "households": tally.households,
        "persons": tally.persons,
        "likely_households": tally.any_likely,
        "new_households": tally.any_found if tally.received else None,
        "unknown_households": tally.any_unknown,
        "service_households": tally.any_service,
        "only": list(only),
        "schemes": _support_first(_scheme(pack, scheme, count) for scheme, count in tally.schemes.items()),
        "missing": [
            {"fact": fact, "label": titles.get(fact, fact), "households": count}
            for fact, count in _most_first(tally.missing)
            if count
        ],
        "cards": {
            "expired": tally.cards_expired, "expiring": tally.cards_soon, "within_days": read.card_days,
        },
        "birthdays": {
            "within_days": read.birthday_days,
            "ages": [{"age": age, "persons": count} for age, count in sorted(tally.birthdays.items())],
        },
        "problems": {
            "total": tally.problems, "doubts": tally.doubts, "households": tally.marked,
            "fields": [{"field": name, "count": count} for name, count in _most_first(tally.fields)],
        },
        "towns": [
            {"town": town or "（没有写乡镇）", "households": count.households, "persons": count.persons,
             "likely": count.likely, "new": count.found if tally.received else None, "unknown": count.unknown,
             "with_problems": count.marked}
            for town, count in sorted(tally.towns.items())
        ],
        "columns_unused": [{"column": name, "close_to": close} for name, close in headers.unused],
        "singly": tally.singly,
    }  # fmt: skip
    if changed:
        report["what_if"] = _what_if(pack, tally, today, changed)
    return report


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    """Names by count; alike ones by name, so that a report merged from parts reads as one made at once."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _support_first(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of schemes, services after support."""
    return sorted(rows, key=lambda row: bool(row["service"]))


def _scheme(pack: Pack, scheme: str, count: SchemeCount) -> dict[str, Any]:
    own = pack.schemes[scheme]
    return {
        "scheme": scheme,
        "name": own.name,
        "service": own.service,
        "likely": count.likely,
        "unknown": count.unknown,
        "persons": count.persons if own.per == "member" else None,
        "new": count.found if count.told else None,
        "received_not_likely": count.doubtful if count.told else None,
        "amount_month": count.month / 100 if own.amount_month is not None else None,
        "amount_month_known": count.month_known if own.amount_month is not None else None,
        "amount_once": count.once / 100 if own.amount_once is not None else None,
        "amount_once_known": count.once_known if own.amount_once is not None else None,
    }


def _what_if(pack: Pack, tally: Tally, today: date, changed: Sequence[tuple[str, str]]) -> dict[str, Any]:
    known = figures(pack)
    told = []
    for called, value in changed:
        name, option = known[called]
        dated = pack.parameters[name].on(today)
        old = None if dated is None else dated.value
        if isinstance(old, dict) and option is not None:
            old = old[option]
        shown = (
            {key: float(each) for key, each in old.items()} if isinstance(old, dict) else old and float(old)
        )
        told.append(
            {"figure": called, "name": pack.parameters[name].name, "unit": pack.parameters[name].unit,
             "before": shown, "after": float(value)}
        )  # fmt: skip
    rows = _support_first(_change(pack, scheme, change) for scheme, change in tally.changes.items())
    whole = Change()
    for change in tally.changes.values():
        whole.add(change)
    return {
        "figures": told,
        "schemes": rows,
        "amount_month_before": whole.month_before / 100,
        "amount_month_after": whole.month_after / 100,
        "amount_month_difference": (whole.month_after - whole.month_before) / 100,
    }


def _change(pack: Pack, scheme: str, change: Change) -> dict[str, Any]:
    return {
        "scheme": scheme, "name": pack.schemes[scheme].name, "service": pack.schemes[scheme].service, "before": change.before, "after": change.after,
        "gained": change.gained, "lost": change.lost, "unknown": change.open,
        "amount_month_before": change.month_before / 100, "amount_month_after": change.month_after / 100,
        "amount_month_difference": (change.month_after - change.month_before) / 100,
    }  # fmt: skip


def page(report: dict[str, Any]) -> str:
    """The report as one HTML page: no script, no font, picture or style from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"count": _count, "yuan": _yuan, "day": _day}
    new = report["new_households"] is not None
    groups = []
    for service, title in GROUPS:
        rows = [row for row in report["schemes"] if row["service"] is service]
        if rows:
            groups.append({"title": title, "rows": rows, "chart": _of_schemes(rows, new=new)})
    charts = {
        "missing": _bars(
            [row["label"] for row in report["missing"][:_MOST_BARS]],
            {"户": [row["households"] for row in report["missing"][:_MOST_BARS]]},
        ),
        "birthdays": _bars(
            [f"满{row['age']}岁" for row in report["birthdays"]["ages"]],
            {"人": [row["persons"] for row in report["birthdays"]["ages"]]},
        ),
    }
    template = environment.get_template("report.html.j2")
    return template.render(
        report=report, groups=groups, charts=charts, missing=report["missing"][:_MOST_MISSING],
        fields=report["problems"]["fields"][:_MOST_FIELDS],
    )  # fmt: skip


def _of_schemes(rows: Sequence[dict[str, Any]], *, new: bool) -> Markup:
    shown = [row for row in rows if row["likely"] or row["unknown"]]
    found = {"其中新发现": [row["new"] or 0 for row in shown]} if new else {}
    return _bars([row["name"] for row in shown], {"可能符合": [row["likely"] for row in shown]} | found)


def _bars(names: Sequence[str], series: dict[str, list[int]]) -> Markup:
    """A bar chart as SVG; empty where there is nothing to show."""
    if not names or not any(any(values) for values in series.values()):
        return Markup("")
    shown = _short(names)
    chart = pygal.HorizontalBar(
        style=_STYLE, js=[], width=420, height=70 + 34 * len(names) * max(1, len(series) * 0.75), margin=4,
        # pygal reckons with narrow letters; Chinese ones are twice as wide.
        margin_left=4 + 6 * max(map(len, shown)),
        disable_xml_declaration=True, show_legend=len(series) > 1, legend_at_bottom=True, print_values=True,
        print_values_position="top", show_x_labels=False, show_x_guides=False, show_y_guides=False,
        truncate_label=_LONGEST_LABEL + 1, formatter=_count, explicit_size=False, range=(0, max(max(values) for values in series.values()) * 1.15),
    )  # fmt: skip
    # Bars grow upwards from the last.
    chart.x_labels = list(reversed(shown))
    for title, values in series.items():
        chart.add(title, list(reversed(values)))
    svg: str = chart.render(is_unicode=True)
    # pygal leaves its address in comments and a script for hovering; neither belongs in a page without the net.
    return Markup(re.sub(r"<!--.*?-->|<script.*?</script>", "", svg, flags=re.S))  # noqa: S704 - our own chart


def _short(names: Sequence[str]) -> list[str]:
    """Names short enough to stand beside a bar: without what is in brackets, unless two would be alike."""
    plain = [re.sub(r"[（(].*?[)）]", "", name) for name in names]
    told = [
        own if plain.count(own) == 1 else re.sub(r"[（(](.*?)[)）]", r"·\1", name)
        for own, name in zip(plain, names, strict=True)
    ]
    return [name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…" for name in told]


def _count(value: float | None) -> str:
    return "—" if value is None else f"{int(value):,}"


def _yuan(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value / 10_000:,.2f}万元" if abs(value) >= 100_000 else f"{value:,.2f}元"


def _day(value: str) -> str:
    day = date.fromisoformat(value)
    return f"{day.year}年{day.month}月{day.day}日"


def lines(report: dict[str, Any]) -> Iterable[str]:
    """The report in a few lines, for the terminal."""
    yield f"{report['households']:,} 户 {report['persons']:,} 人，按{report['pack_title']}的规定、{_day(report['today'])}算："
    yield f"至少有一项可能符合的 {report['likely_households']:,} 户；还缺情况的 {report['unknown_households']:,} 户。"
    if report["new_households"] is not None:
        yield f"名册里没有在领、这次新发现的 {report['new_households']:,} 户。"
    services = False
    for row in report["schemes"]:
        if row["likely"] or row["unknown"]:
            if row["service"] and not services:
                services = True
                yield f"{GROUPS[True][1]}：{report['service_households']:,} 户"
            new = "" if row["new"] is None else f"，新发现 {row['new']:,}"
            sums = "" if row["amount_month"] is None else f"，每月约 {_yuan(row['amount_month'])}"
            yield f"  {row['name']}：可能符合 {row['likely']:,} 户{new}，还缺情况 {row['unknown']:,} 户{sums}"
    cards, problems = report["cards"], report["problems"]
    yield f"残疾证{cards['within_days']}天内到期 {cards['expiring']:,} 人，已经到期 {cards['expired']:,} 人。"
    yield f"名册里有 {problems['total']:,} 处要核对(其中 {problems['doubts']:,} 处只是可疑)，见 problems.csv。"
    if "what_if" in report:
        what_if = report["what_if"]
        yield "试算：" + "、".join(f"{row['name']}改成{row['after']:g}" for row in what_if["figures"])
        for row in what_if["schemes"]:
            if row["gained"] or row["lost"] or row["amount_month_difference"]:
                sums = (
                    f"，每月钱数从 {_yuan(row['amount_month_before'])} 变成 {_yuan(row['amount_month_after'])}"
                    f"(相差 {_yuan(row['amount_month_difference'])})"
                )
                yield f"  {row['name']}：增加 {row['gained']:,} 户，减少 {row['lost']:,} 户" + (
                    sums if row["amount_month_before"] or row["amount_month_after"] else ""
                )
