"""`jzt screen` from file to report: every kind of file, whole outputs, and the outcomes of `jzt assess`."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest

from bot.bench import register
from policies_kb.knowledge import open_pack

TODAY = "2026-03-05"
ROWS = """户编号,乡镇,姓名,身份证号,与户主关系,户籍,本地户口,月收入,年龄,存款,住房套数,汽车,残疾等级,残疾类别,残疾证到期日,低保
A,示范1镇,赵示一,,户主,城镇,是,100,60,0,1,0,,,,否
B,示范2镇,钱示二,,户主,农村,是,5000,59,0,1,0,二级,肢体,2026-04-01,是
A,示范1镇,赵示三,,子,,,,20,,,,三级,智力,2026-01-01,
"""


def screen(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "screen", "--today", TODAY, "--workers", "1", *words],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_results_report_and_reminders_of_a_small_register(tmp_path: Path) -> None:
    source, out = tmp_path / "名册.csv", tmp_path / "结果"
    source.write_text(ROWS, encoding="utf-8")
    told = json.loads(screen("--input", str(source), "--out", str(out), "--json").stdout)
    assert sorted(path.name for path in out.iterdir()) == [
        "problems.csv", "reminders.csv", "report.html", "report.json", "results.csv", "results.parquet",
    ]  # fmt: skip
    assert told == json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert (told["households"], told["persons"], told["cards"]["expired"], told["cards"]["expiring"]) == (
        2,
        3,
        1,
        1,
    )
    dibao = next(row for row in told["schemes"] if row["scheme"] == "dibao")
    # A's second income is not known, so A is open; B receives dibao and by its income does not fit any more.
    assert (dibao["likely"], dibao["unknown"], dibao["new"], dibao["received_not_likely"]) == (0, 1, 0, 1)
    rows = pyarrow.parquet.read_table(out / "results.parquet").to_pylist()
    own = next(row for row in rows if (row["household"], row["scheme"]) == ("A", "dibao"))
    assert (own["outcome"], own["missing"], own["new"]) == ("unknown", "income_month", False)
    assert {
        (row["户编号"], row["方案"], row["结果"], row["还缺的情况"]) for row in read_csv(out / "results.csv")
    } >= {("A", "最低生活保障（低保）", "还缺情况", "每月收入")}
    kinds = [(row["户编号"], row["提醒"], row["日期或年龄"]) for row in read_csv(out / "reminders.csv")]
    assert kinds == [("B", "残疾证快到期", "2026-04-01"), ("A", "残疾证已到期", "2026-01-01")]
    everything = "".join(path.read_text(encoding="utf-8", errors="ignore") for path in out.iterdir())
    assert "赵示一" not in everything
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//|url\(|@import", page)


def test_every_kind_of_file_gives_the_same(tmp_path: Path) -> None:
    plain = tmp_path / "utf8.csv"
    plain.write_text(ROWS, encoding="utf-8")
    (tmp_path / "bom.csv").write_text(ROWS, encoding="utf-8-sig")
    (tmp_path / "gbk.csv").write_text(ROWS, encoding="gb18030")
    (tmp_path / "tabs.csv").write_text(ROWS.replace(",", "\t"), encoding="utf-8")
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(plain), tmp_path / "typed.parquet")
    found = {}
    for name in ("utf8.csv", "bom.csv", "gbk.csv", "tabs.csv", "typed.parquet"):
        out = tmp_path / f"out-{name}"
        screen("--input", str(tmp_path / name), "--out", str(out), "--format", "csv")
        found[name] = [(out / file).read_bytes() for file in ("results.csv", "problems.csv", "reminders.csv")]
    assert all(each == found["utf8.csv"] for each in found.values())


def test_a_generated_register_gets_the_outcomes_of_assess_and_town_files_the_same(tmp_path: Path) -> None:
    source, out = tmp_path / "register.csv", tmp_path / "out"
    register.write(source, 150, towns=3, faults=0.0)
    screen("--input", str(source), "--out", str(out))
    rows = pyarrow.parquet.read_table(out / "results.parquet").to_pylist()
    towns = tmp_path / "towns"
    table = pyarrow.csv.read_csv(
        source, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=False)
    )
    for town in ("示范1镇", "示范2镇", "示范3镇"):
        (towns / f"乡镇={town}").mkdir(parents=True)
        own = table.filter(pyarrow.compute.equal(table["乡镇"], town)).drop_columns(["乡镇"])
        pyarrow.parquet.write_table(own, towns / f"乡镇={town}" / "part.parquet")
    screen("--towns-dir", str(towns), "--out", str(tmp_path / "by-town"))
    by_town = pyarrow.parquet.read_table(tmp_path / "by-town" / "results.parquet").to_pylist()
    assert sorted(map(str, by_town)) == sorted(map(str, rows))

    knowledge = open_pack("shifan-xian")
    for number, facts in _households(source).items():
        expected = {
            result.scheme: (
                result.outcome,
                result.amount_month,
                result.amount_once,
                "、".join(result.missing),
            )
            for result in knowledge.assess(facts, today=date.fromisoformat(TODAY))
            if result.outcome != "unlikely"
        }
        found = {
            row["scheme"]: (row["outcome"], row["amount_month"], row["amount_once"], row["missing"])
            for row in rows
            if row["household"] == number
        }
        assert found == expected, (number, facts)


def _households(source: Path) -> dict[str, dict[str, Any]]:
    """The generated register as facts files, by a second reading that shares nothing with the first."""
    words = {"是": True, "否": False, "有": True, "无": False}
    names = {
        "户籍": ("area", {"城镇": "urban", "农村": "rural"}), "本地户口": ("local_hukou", words),
        "常住本地": ("residence_here", words), "存款": ("savings", float), "住房套数": ("homes", int), "汽车": ("cars", int),
        "急难情况": ("emergency", {"没有": "none", "火灾": "fire", "突发重病": "illness"}),
        "刚性支出": ("rigid_expenses_month", float), "自付医药费": ("medical_out_of_pocket_year", float),
        "有无赡养抚养人": ("supporters_able", words), "低保": ("receiving_dibao", words),
    }  # fmt: skip
    personal = {
        "月收入": ("income_month", float), "残疾等级": ("disability_level", {f"{c}级": n for n, c in enumerate("一二三四", 1)}),
        "残疾类别": ("disability_kind", {"视力": "visual", "听力": "hearing", "肢体": "physical", "智力": "intellectual", "精神": "mental", "多重": "multiple"}),
        "残疾证到期日": ("disability_card_expires", str), "大病救助": ("serious_illness", words), "劳动能力": ("can_work", words),
        "在读阶段": ("student_stage", {"小学、初中": "compulsory"}),
        "与户主关系": ("relation", {"户主": "self", "配偶": "spouse", "母亲": "parent", "孙子": "grandchild", "其他": "other"} | dict.fromkeys(("子", "女", "长子"), "child")),
    }  # fmt: skip
    today = date.fromisoformat(TODAY)
    found: dict[str, dict[str, Any]] = {}
    for row in read_csv(source):

        def read(of: dict[str, Any], row: dict[str, str] = row) -> dict[str, Any]:
            return {
                name: how[row[header]] if isinstance(how, dict) else how(row[header])
                for header, (name, how) in of.items()
                if row[header]
            }

        household = found.setdefault(row["户编号"], {"household": []})
        number = row["身份证号"]
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        sex = "male" if int(number[16]) % 2 else "female"
        household |= read(names)
        household["household"].append(read(personal) | {"age": age, "sex": sex})
    return found


def test_bad_rows_are_listed_with_their_row_and_the_households_screened_all_the_same(tmp_path: Path) -> None:
    source, out = tmp_path / "bad.csv", tmp_path / "out"
    source.write_text(
        "户编号,与户主关系,年龄,月收入,存款\nA,户主,200,100,1\nB,户主,50\n,户主,50,1万元,1\nC,户主,50,1,1\nC,户主,50,1,1\n",
        encoding="utf-8",
    )
    told = json.loads(screen("--input", str(source), "--out", str(out), "--json").stdout)
    assert (told["households"], told["persons"]) == (4, 5)
    listed = {(row["行号"], row["列"]): row["哪里不对"] for row in read_csv(out / "problems.csv")}
    assert "太大" in listed["2", "年龄"]
    assert "3格" in listed["3", "户编号"]
    assert "万元" in listed["4", "月收入"]
    assert "不止一个" in listed["5", "与户主关系"]
    assert told["problems"]["households"] == 4
    assert {row["户编号"] for row in read_csv(out / "results.csv")} >= {"A", "B", "C"}


def test_what_if_says_who_comes_in_and_what_it_costs(tmp_path: Path) -> None:
    source = tmp_path / "register.csv"
    register.write(source, 300)
    done = screen(
        "--input", str(source), "--out", str(tmp_path / "out"), "--json", "--what-if", "di_shouru.multiple=2.0",
        "--what-if", "dibao_standard.urban=800",
    )  # fmt: skip
    told = json.loads(done.stdout)
    changed = {row["scheme"]: row for row in told["what_if"]["schemes"]}
    for row in changed.values():
        assert row["after"] == row["before"] + row["gained"] - row["lost"]
    plain = {row["scheme"]: row for row in told["schemes"]}
    assert changed["dibao"]["before"] == plain["dibao"]["likely"]
    assert changed["di_shouru"]["gained"] > 0
    assert changed["dibao"]["amount_month_difference"] > 0
    assert "试算" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    wrong = screen(
        "--input", str(source), "--out", str(tmp_path / "x"), "--what-if", "di_shouru.multipel=2", code=1
    )
    assert "di_shouru.multiple" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_only_some_schemes_with_the_outcomes_of_all_and_services_counted_apart(tmp_path: Path) -> None:
    source = tmp_path / "register.csv"
    register.write(source, 150)
    whole = json.loads(screen("--input", str(source), "--out", str(tmp_path / "all"), "--json").stdout)
    done = screen("--input", str(source), "--out", str(tmp_path / "some"), "--json", "--only", "dibao,dan_ren_bao",
                  "--only", "falv_yuanzhu")  # fmt: skip
    some = json.loads(done.stdout)
    assert some["only"] == ["dibao", "dan_ren_bao", "falv_yuanzhu"]
    assert [row["scheme"] for row in some["schemes"]] == ["dibao", "dan_ren_bao", "falv_yuanzhu"]
    counted = {row["scheme"]: row for row in whole["schemes"]}
    assert all(row == counted[row["scheme"]] for row in some["schemes"])

    def told(folder: str) -> set[tuple[str, str, str]]:
        rows = pyarrow.parquet.read_table(tmp_path / folder / "results.parquet").to_pylist()
        return {
            (row["household"], row["scheme"], row["outcome"]) for row in rows if row["scheme"] in some["only"]
        }

    assert told("some") == told("all")
    likely = {
        household
        for household, scheme, outcome in told("some")
        if outcome == "likely" and scheme != "falv_yuanzhu"
    }
    assert some["likely_households"] == len(likely)
    assert some["service_households"] == counted["falv_yuanzhu"]["likely"] > 0
    assert [row["service"] for row in whole["schemes"]] == sorted(row["service"] for row in whole["schemes"])
    page = (tmp_path / "some" / "report.html").read_text(encoding="utf-8")
    assert (
        page.index("<h2>各项救助")
        < page.index("最低生活保障")
        < page.index("<h2>能用的服务")
        < page.index("村里的法律顾问")
    )
    wrong = screen("--input", str(source), "--out", str(tmp_path / "x"), "--only", "dibo", code=1)
    assert "没有“dibo”这一项" in wrong.stderr
    assert "dibao(" in wrong.stderr


def test_nothing_is_overwritten_or_left_behind(tmp_path: Path) -> None:
    source, out = tmp_path / "r.csv", tmp_path / "out"
    source.write_text(ROWS, encoding="utf-8")
    out.mkdir()
    (out / "own.txt").write_text("mine")
    assert "已经有了" in screen("--input", str(source), "--out", str(out), code=1).stderr
    assert "不是筛查结果" in screen("--input", str(source), "--out", str(out), "--overwrite", code=1).stderr
    assert (out / "own.txt").read_text() == "mine"
    broken = tmp_path / "broken.csv"
    broken.write_bytes(ROWS.encode() + b"\xff\xff\xff," * 16)
    (tmp_path / "nobody.csv").write_text("户编号,月收入\n", encoding="utf-8")
    for name, words in (
        ("missing.csv", "读不了"),
        ("broken.csv", "既不是 UTF-8"),
        ("nobody.csv", "没有人"),
        ("r.xlsx", "另存为"),
    ):
        (tmp_path / "r.xlsx").write_bytes(b"PK")
        done = screen("--input", str(tmp_path / name), "--out", str(tmp_path / "new"), code=1)
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".*.partial"))


def test_names_only_where_they_are_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "r.csv"
    source.write_text(ROWS, encoding="utf-8")
    screen("--input", str(source), "--out", str(tmp_path / "out"), "--with-names", "--format", "csv")
    assert {row["姓名"] for row in read_csv(tmp_path / "out" / "results.csv")} == {"赵示一", "钱示二"}


def test_an_interruption_leaves_nothing_half_done(tmp_path: Path) -> None:
    source = tmp_path / "r.csv"
    register.write(source, 60_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "screen", "--input", str(source), "--out", str(tmp_path / "out"), "--workers", "1"],
        stderr=subprocess.PIPE, text=True,
        # A suite started in the background has Ctrl-C ignored, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while (
        not list(tmp_path.glob(".out.*.partial")) and time.monotonic() < deadline and process.poll() is None
    ):
        pass
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "没有留下半成品" in stderr
    assert "Traceback" not in stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv"]


@pytest.mark.parametrize("words", [[], ["--input", "a", "--towns-dir", "b"]])
def test_one_register_is_named(tmp_path: Path, words: list[str]) -> None:
    assert "只写一个" in screen(*words, "--out", str(tmp_path / "o"), code=2).stderr


def test_the_bench_measures_a_register_and_pandas_by_hand_agrees_with_the_rules() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "bench", "--only", "screen", "--register", "1000", "--json"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)["screen"]
    assert (found["households"], found["singly"]) == (1000, 0)
    assert found["screen"]["seconds"] > 0
    assert found["ratio_to_loop"] > 0
    for scheme in ("dibao", "di_shouru", "zhichuxing", "dan_ren_bao", "linshi_jinan", "linshi_zhichu"):
        assert found["pandas"]["likely"][scheme]["pandas"] == found["pandas"]["likely"][scheme]["ours"]
