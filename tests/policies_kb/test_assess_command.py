"""`jzt assess` and `jzt facts`: the contract's output, and errors an operator can act on."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.commands.assess import command as assess
from bot.commands.facts import command as facts
from policies_kb.knowledge import open_pack

HOUSEHOLD: dict[str, Any] = {
    "household": [
        {"relation": "self", "age": 45, "income_month": 2400.5, "can_work": True},
        {"relation": "spouse", "age": 44, "income_month": 0, "disability_level": 2, "disability_kind": "physical"},
        {"relation": "child", "age": 12, "student": True},
    ],
    "area": "urban", "local_hukou": True, "residence_here": True, "savings": 5000, "cars": 0, "homes": 1,
    "emergency": "none", "medical_out_of_pocket_year": 0,
}  # fmt: skip
KEYS = ["scheme", "outcome", "amount_month", "amount_once", "reasons", "missing", "next"]


@pytest.fixture(autouse=True)
def _packs_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.commands.assess.open_pack", cached_pack)


cached_pack = cache(open_pack)


def run(text: str, *options: str) -> Result:
    return CliRunner().invoke(assess, ["--facts", "-", *options], input=text)


def test_the_contract(tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(HOUSEHOLD), encoding="utf-8")
    done = CliRunner().invoke(assess, ["--facts", str(file), "--pack", "shifan-xian", "--json"])
    assert done.exit_code == 0, done.output
    results = json.loads(done.stdout)["results"]
    by_scheme = {result["scheme"]: result for result in results}
    for result in results:
        assert list(result) == KEYS
        assert all(set(reason) == {"text", "clause", "document"} for reason in result["reasons"])
    assert by_scheme["dibao"]["outcome"] == "unlikely"
    assert by_scheme["dan_ren_bao"]["amount_month"] == 730
    assert by_scheme["zhichuxing"]["missing"] == ["rigid_expenses_month"]


def test_a_sum_is_no_single_figure_while_another_person_is_open() -> None:
    """The second disabled person's card is not told: what the household may get is told as a span, with the reason."""
    household = json.loads(json.dumps(HOUSEHOLD))
    household["household"][0] |= {"income_month": 0, "disability_level": None}
    by_scheme = {
        found["scheme"]: found for found in json.loads(run(json.dumps(household), "--json").stdout)["results"]
    }
    sums = by_scheme["dan_ren_bao"]
    assert (sums["outcome"], sums["amount_month"]) == ("likely", None)
    assert sums["missing"] == ["disability_level"]
    why = "您本人符不符合还没有弄清楚，还差：残疾等级。也符合的话，钱会更多。"
    assert why in [reason["text"] for reason in sums["reasons"]]
    said = run(json.dumps(household)).stdout
    assert "重残重病人员按单人户纳入低保：很可能符合，每月大约730到1460元" in said
    assert why in said


def test_readable_output_is_chinese_and_says_the_office_decides() -> None:
    done = run(json.dumps(HOUSEHOLD))
    assert done.exit_code == 0
    for words in ("可能符合", "重残重病人员", "《县社会救助年审工作方案》四(二)1", "核实以后决定"):
        assert words in done.stdout
    assert "dan_ren_bao" not in done.stdout


def test_a_name_that_is_not_known_is_told_and_not_lost_silently() -> None:
    done = run(json.dumps({**HOUSEHOLD, "saving": 3}), "--json")
    assert done.exit_code == 0
    assert "saving" in done.stderr
    assert "savings" in done.stderr
    json.loads(done.stdout)


BAD = [
    ("[]", "JSON 对象"),
    ("null", "JSON 对象"),
    ('"家里三口人"', "JSON 对象"),
    ("{", "第1行"),
    ("", "第1行"),
    ('{"savings": NaN}', "NaN"),
    ('{"savings": 1, "savings": 2}', "两次"),
    ('{"savings": -1}', "savings"),
    ('{"savings": 1e999}', "savings"),
    ('{"savings": "5000"}', "savings"),
    ('{"savings": {"bank": 5}}', "savings"),
    ('{"cars": true}', "cars"),
    ('{"homes": 1.5}', "homes"),
    ('{"area": "city"}', "urban"),
    ('{"local_hukou": "yes"}', "local_hukou"),
    ('{"emergency": "earthquake"}', "emergency"),
    ('{"household": []}', "household"),
    ('{"household": {"age": 3}}', "household"),
    ('{"household": ["self"]}', "household.0"),
    ('{"household": [{"age": 200}]}', "household.0.age"),
    ('{"household": [{"age": -1}]}', "household.0.age"),
    ('{"household": [{"relation": "cousin"}]}', "household.0.relation"),
    ('{"household": [{"disability_level": 5}]}', "household.0.disability_level"),
    ('{"household": [{"income_month": -0.01}]}', "household.0.income_month"),
    ('{"ranges": {"savings": [5, 1]}}', "ranges.savings"),
    ('{"a": ' + "[" * 100_000 + "}", "层次太深"),
    ('{"savings": ' + "9" * 5000 + "}", "数字太长"),
]


@pytest.mark.parametrize(("text", "says"), BAD, ids=[text[:40] for text, _ in BAD])
def test_facts_that_cannot_be_used(text: str, says: str) -> None:
    done = run(text, "--json")
    assert done.exit_code != 0
    assert done.stdout == ""
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_every_fault_of_a_file_is_told_at_once() -> None:
    done = run('{"savings": -1, "area": "city", "household": [{"age": 300}]}')
    assert all(field in done.stderr for field in ("savings", "area", "household.0.age"))


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    file.write_bytes('{"area": "城镇"}'.encode("gbk"))
    done = CliRunner().invoke(assess, ["--facts", str(file)])
    assert done.exit_code == 1
    assert "UTF-8" in done.stderr


def test_a_file_and_a_pack_that_are_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(assess, ["--facts", str(tmp_path / "none.json")])
    assert done.exit_code == 1
    assert "none.json" in done.stderr
    done = run("{}", "--pack", "atlantis")
    assert done.exit_code == 1
    assert "shifan-xian" in done.stderr


def test_the_catalogue_has_every_fact_of_the_contract() -> None:
    done = CliRunner().invoke(facts, ["--json"])
    assert done.exit_code == 0
    listed = {fact["name"]: fact for fact in json.loads(done.stdout)["facts"]}
    contract = [
        "relation",
        "age",
        "disability_level",
        "disability_kind",
        "serious_illness",
        "student",
        "can_work",
        "income_month",
        "area",
        "local_hukou",
        "residence_here",
        "savings",
        "cars",
        "homes",
        "emergency",
        "medical_out_of_pocket_year",
        "rigid_expenses_month",
        "supporters_able",
        "taught_years",
        "taught_as",
        "debt",
        "teacher_in_service",
        "pension",
        "retired_urban_scheme",
        "unemployed_months",
        "ever_registered_unemployed",
        "homeless_now",
        "orphan",
        "crop_damage_by_boar",
        "student_stage",
    ]
    assert set(contract) <= set(listed)
    pension = {field["name"]: field for field in listed["pension"]["fields"]}
    assert set(pension) == {"tier", "years_paid", "age_at_start", "severe_disability"}
    assert pension["tier"]["values"] == [100, 200, 300, 400, 500]
    for fact in [*pension.values(), *(fact for fact in listed.values() if fact["type"] != "object")]:
        assert fact["question"]
        assert fact["type"] in {"int", "money", "bool", "choice", "number", "text", "date"}
        if fact["type"] in {"choice", "bool"}:
            assert fact["values"]
    assert listed["relation"]["values"] == [
        "self", "spouse", "child", "parent", "grandparent", "grandchild", "sibling", "other",
    ]  # fmt: skip
    assert "您家的户口" in CliRunner().invoke(facts, []).output


def test_facts_of_other_schemes_are_accepted() -> None:
    more = {
        **HOUSEHOLD, "taught_years": 12, "taught_as": "minban", "debt": 3000, "teacher_in_service": False,
        "pension": {"tier": 300, "years_paid": 5, "age_at_start": 50, "severe_disability": False},
        "retired_urban_scheme": False, "unemployed_months": 7, "ever_registered_unemployed": True,
        "homeless_now": False, "orphan": False, "crop_damage_by_boar": True, "student_stage": "college",
    }  # fmt: skip
    done = run(json.dumps(more), "--json")
    assert done.exit_code == 0
    assert done.stderr == ""


def test_what_is_unlikely_is_said_on_the_side_and_counted_as_it_is_written() -> None:
    doubtful = HOUSEHOLD | {
        "savings": 2,
        "household": [*HOUSEHOLD["household"], {"relation": "spouse", "age": 40}],
    }
    done = run(json.dumps(doubtful), "--json")
    assert done.exit_code == 0
    assert "savings：存款2元，偏低；是不是漏了“万”。请核对；照写的算了。" in done.stderr
    assert "household.1.relation：这一家有不止一个配偶" in done.stderr
    assert len(json.loads(done.stdout)["results"]) > 5
    assert run(json.dumps(HOUSEHOLD), "--json").stderr == ""
