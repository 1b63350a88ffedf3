"""What a pack's author is given: schemas that know the files, and a new pack that loads and answers at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from bot.cli import main
from policies_kb.authoring.messages import in_chinese
from policies_kb.authoring.newpack import NewPack, PackExists, create
from policies_kb.authoring.schemas import FILES, FOLDER, schemas
from policies_kb.errors import Problem
from policies_kb.loader import PACKS_DIR, load_pack

CASES = [
    (name, path) for name, (_, pattern) in FILES.items() for path in sorted(PACKS_DIR.glob(f"*/{pattern}"))
]


def as_json(path: Path) -> Any:
    """The YAML file as an editor's checker sees it: dates are their words."""
    parser = YAML(typ="safe", pure=True)
    return json.loads(json.dumps(parser.load(path.read_text(encoding="utf-8")), default=str))


@pytest.mark.parametrize(
    ("name", "path"), CASES, ids=[path.relative_to(PACKS_DIR).as_posix() for _, path in CASES]
)
def test_every_shipped_file_passes_its_schema(name: str, path: Path) -> None:
    jsonschema.Draft202012Validator(schemas()[name]).validate(as_json(path))


def test_every_kind_of_file_was_tried() -> None:
    assert {name for name, _ in CASES} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_the_written_schemas_are_those_of_the_models(name: str) -> None:
    written = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert written == schemas()[name], "run: jzt kb schema"


def test_a_schema_refuses_what_the_loader_refuses_and_explains_in_chinese() -> None:
    schema = schemas()["parameters"]
    faulty = {"parameters": {"x": {"name": "某数", "unti": "元"}}}
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(faulty))
    assert "unti" in errors[0].message
    assert schema["$defs"]["Parameter"]["properties"]["unit"]["description"].startswith("单位")
    unitless = {
        "parameters": {
            "x": {"name": "某数"},
            "y": {"name": "某数", "unit": ""},
            "z": {"name": "某数", "unit": "元"},
        }
    }
    found = jsonschema.Draft202012Validator(schema).iter_errors(unitless)
    assert sorted(list(error.absolute_path)[1] for error in found) == ["x", "y"]


def test_every_field_an_author_writes_is_explained() -> None:
    bare = [
        f"{name}: {part}.{field}"
        for name, schema in schemas().items()
        for part, found in [(FILES[name][0].__name__, schema), *schema.get("$defs", {}).items()]
        for field, words in found.get("properties", {}).items()
        if not words.get("description")
    ]
    assert bare == []


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["kb", *words])


def test_a_new_pack_with_nothing_told_loads_and_inherits(tmp_path: Path) -> None:
    made = run("new-pack", "mo-xian", "--title", "某县", "--dir", str(tmp_path))
    assert made.exit_code == 0, made.output
    pack = load_pack("mo-xian", tmp_path)
    assert (pack.title, pack.parent) == ("某县", "guojia")
    assert pack.parameters["dibao_standard"].values == ()
    checked = CliRunner().invoke(main, ["kb", "check"], env={"JZT_PACKS_DIR": str(tmp_path)})
    assert checked.exit_code == 0, checked.output


def test_a_new_pack_answers_with_what_was_told(tmp_path: Path) -> None:
    told = ["--office", "一镇民政办", "--address", '一镇"大街"1号', "--hours", "工作日 8:30-17:00", "--phone", "0000-111"]  # fmt: skip
    standard = [
        "--urban",
        "812.5",
        "--rural",
        "600",
        "--notice",
        "一县低保标准的通知",
        "--since",
        "2026-01-01",
    ]
    made = run("new-pack", "yixian", "--title", "一县", "--dir", str(tmp_path), *told, *standard)
    assert made.exit_code == 0, made.output
    pack = load_pack("yixian", tmp_path)
    assert pack.texts["office.address"] == '一镇"大街"1号'
    value = pack.parameters["dibao_standard"].on(date(2026, 1, 1))
    assert value is not None
    assert value.value == {"urban": Decimal("812.5"), "rural": Decimal(600)}
    env = {"JZT_PACKS_DIR": str(tmp_path)}
    asked = CliRunner().invoke(main, ["ask", "农村低保标准多少", "--pack", "yixian", "--json"], env=env)
    answer = json.loads(asked.stdout)
    assert "600元" in answer["answer"]
    assert answer["citations"][0]["document"] == "一县低保标准的通知"


@pytest.mark.parametrize("name", ["pack", "parameters", "glossary", "eval"])
def test_the_files_of_a_new_pack_name_a_schema_that_stands_beside_them(name: str, tmp_path: Path) -> None:
    create(NewPack("a", "甲县", "county", "guojia", date(2026, 1, 1)), tmp_path)
    path = tmp_path / "a" / f"{name}.yml"
    named = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    schema = json.loads((path.parent / named).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(as_json(path))


def test_an_existing_folder_is_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(PackExists):
        create(NewPack("a", "甲县", "county", "guojia", date(2026, 1, 1)), tmp_path)
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["new-pack", "某县", "--title", "某县"], "小写字母"),
        (["new-pack", "../x", "--title", "某县"], "小写字母"),
        (["new-pack", "a", "--title", "某县", "--office", "民政办"], "一起给"),
        (["new-pack", "a", "--title", "某县", "--urban", "700"], "一起给"),
        (["new-pack", "a", "--title", "某县", "--urban", "七百"], "不是金额"),
        (["new-pack", "a", "--title", "某县", "--urban", "NaN"], "不是金额"),
        (["new-pack", "a", "--title", "某县", "--parent", "meiyou"], "meiyou"),
    ],
)
def test_what_cannot_be_is_said_plainly(words: list[str], says: str, tmp_path: Path) -> None:
    result = run(*words, "--dir", str(tmp_path))
    assert result.exit_code != 0
    assert says in result.output
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("name", "path"), CASES, ids=[path.relative_to(PACKS_DIR).as_posix() for _, path in CASES]
)
def test_every_shipped_file_tells_an_editor_its_schema(name: str, path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = path.parent / first.removeprefix("# yaml-language-server: $schema=")
    assert named.resolve() == (FOLDER / f"{name}.schema.json").resolve()


def _swap(file: str, before: str, after: str) -> Callable[[Path], None]:
    def break_(pack: Path) -> None:
        text = (pack / file).read_text(encoding="utf-8")
        assert before in text
        (pack / file).write_text(text.replace(before, after, 1), encoding="utf-8")

    return break_


@pytest.mark.parametrize(
    ("break_", "told"),
    [
        (
            _swap("documents/nianshen.md", "effective_from: 2022-01-23", "effective_from: 2022-13-23"),
            "nianshen.md:6：front matter：2022-13-23 不是一个日子。改法：写成 2026-03-05 这样",
        ),
        (
            _swap("documents/nianshen.md", "effective_to: null", "effective_to: 2020-01-01"),
            "nianshen.md:7：effective_to：比生效日期还早。改法：改其中一个日期。",
        ),
        (_swap("documents/nianshen.md", "schemes: [dibao", "schemes: [dibaoo"), "有不认得的代号：dibaoo。改法："),
        (_swap("documents/nianshen.md", "## 二1 年", "## 年"), "这一节没有条款号，或者没有标题。改法：写成 ##"),
        (_swap("parameters.yml", "effective_from: 2022-01-23", "effective_from: 2022-02-30"), "2022-02-30 不是一个日子"),
        (_swap("parameters.yml", "    unit: 倍", "    unit: 倍\n    unit: 倍"), "parameters.yml:14：\"unit\" 写了两遍。改法：去掉一个。"),
        (_swap("parameters.yml", "    unit: 倍", "   unit: 倍"), "parameters.yml:13：缩进不对：这一行空了 3 格，和它同一级的空 4 格。改法："),
        (
            _swap("parameters.yml", "    unit: 倍\n", ""),
            "parameters.yml:11：low_income_multiple.unit：这个数字没有写单位。改法：写上单位，例如 元/人·月；只是几倍、占多少的写 倍 或 比例；1 是、0 不是的写 是否。",
        ),
        (_swap("parameters.yml", "    unit: 倍\n", "    unit: ' '\n"), "low_income_multiple.unit：这个数字没有写单位。"),
        (_swap("parameters.yml", "value: 1.5", "value: 一点五"), "parameters.low_income_multiple.values.0.value：要写成数字。"),
        (_swap("pack.yml", "parent: guojia", "parent: guojiaa"), "pack.yml:5：parent：没有叫 guojiaa 的政策包。改法：从这些里选：guojia"),
    ],
)  # fmt: skip
def test_a_fault_is_told_once_in_chinese_with_file_line_and_cure(
    tmp_path: Path, break_: Callable[[Path], None], told: str
) -> None:
    shutil.copytree(PACKS_DIR, tmp_path, dirs_exist_ok=True)
    break_(tmp_path / "shifan-xian")
    env = {"JZT_PACKS_DIR": str(tmp_path)}
    checked = CliRunner().invoke(main, ["kb", "check", "--pack", "shifan-xian", "--quiet"], env=env)
    assert checked.exit_code == 1
    assert checked.output.count(told) == 1, checked.output
    assert "1 个问题" in checked.output


def test_what_the_table_of_messages_does_not_know_is_told_as_it_is() -> None:
    assert (
        in_chinese(Problem(Path("a.yml"), 3, "x", "is odd", "mend it"))
        == "a.yml:3：x：is odd。改法：mend it。"
    )
    assert in_chinese(Problem(Path("a.yml"), None, "", "the file is missing")) == "a.yml：没有这个文件。"
