"""A beginner's slips in a pack's files: each is told once, in Chinese, with file, line and cure, or does no harm."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result

import policies_kb
from bot.cli import main
from policies_kb.authoring.messages import in_chinese
from policies_kb.authoring.notices import notices
from policies_kb.authoring.schemas import ParametersFile
from policies_kb.clauses import Aspect, load_document
from policies_kb.coverage import coverage
from policies_kb.errors import DataFileError, Problem
from policies_kb.loader import load_pack
from policies_kb.yamlfile import load_model

FILES = {
    "pack.yml": "name: lixi\ntitle: 栗溪县\nlevel: county\nparent: guojia\nlanguages: [zh-CN]\n",
    "parameters.yml": """\
parameters:
  visit_days:
    name: 几天上门
    unit: 工作日
    values:
      - value: 12
        effective_from: 2025-07-01
        source: {document: banfa, clause: 四(三)}
""",
    "glossary.yml": "synonyms:\n  - [高龄津贴, 敬老钱]\n",
    "eval.yml": "questions:\n  - {q: 几天有人上门, clause: [banfa 四(三)], fact: ['12']}\n",
    "documents/banfa.md": """\
---
id: banfa
title: 栗溪县低保办法
issuer: 栗溪县政府
effective_from: 2025-07-01
source: 县政府网站
---
# 四、办理
## 四(三) 入户调查
schemes: [dibao]
aspect: how_long
asks: [几天上门看, 多久来家里查, 谁来家里]
parameters: [visit_days]

受理以后12个工作日内上门，来的人不少于2人。

## 四(四) 公示
schemes: [dibao]
aspect: notice
asks: [贴出来几天, 榜上贴多久, 在哪儿贴]

在村里公示5个工作日。
""",
}
DOCUMENT, FIGURES = "documents/banfa.md", "parameters.yml"


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "lixi" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def swap(packs: Path, file: str, before: str, after: str) -> None:
    path = packs / "lixi" / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def check(packs: Path, *words: str) -> Result:
    return CliRunner().invoke(
        main, ["kb", "check", "--pack", "lixi", *words], env={"JZT_PACKS_DIR": str(packs)}
    )


def told(packs: Path) -> list[str]:
    """The faults `jzt kb check` lists, without the folder."""
    lines = check(packs, "--quiet").output.splitlines()[1:]
    return [line.strip().removeprefix(f"{packs}/lixi/") for line in lines]


def told_of(packs: Path, file: str) -> list[str]:
    """The faults of one file, which is read alone where that is enough to find them."""
    path = packs / "lixi" / file
    try:
        if file == FIGURES:
            load_model(path, ParametersFile)
        else:
            load_document(path, pack="lixi")
    except DataFileError as error:
        return [in_chinese(one).removeprefix(f"{packs}/lixi/") for one in error.problems]
    return [line for line in told(packs) if line.startswith(file)]


def test_the_pack_these_tests_break_is_sound(packs: Path) -> None:
    assert told(packs) == []


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("    unit: 工作日", "   unit: 工作日", "parameters.yml:4：缩进不对：这一行空了 3 格，和它同一级的空 4 格。改法：这一行前面空 4 个半角空格。"),
        ("    unit: 工作日", "     unit: 工作日", "parameters.yml:4：缩进不对：这一行空了 5 格，和它同一级的空 4 格。改法：这一行前面空 4 个半角空格。"),
        ("        source", "       source", "parameters.yml:8：缩进不对：这一行空了 7 格，和它同一级的空 8 格。改法：这一行前面空 8 个半角空格。"),
        ("    name: ", "\tname: ", "parameters.yml:3：这一行开头用了制表符(Tab)。改法：换成半角空格。"),
        ("    name: ", "　　name: ", "parameters.yml:3：这一行开头用了全角空格。改法：换成半角空格。"),
        ("    name: ", "    name：", "parameters.yml:3：name 后面用了全角冒号“：”。改法：写成 name: 。"),
        ("  visit_days:", "  visit_days：", "parameters.yml:2：visit_days 后面用了全角冒号“：”。改法：写成 visit_days: 。"),
        ("    name: ", "    name:", "parameters.yml:3：name: 的冒号后面没有空格。改法：写成 name: 几天上门。"),
        ("unit: 工作日", "unit: %", "parameters.yml:4：值的第一个字是 %，不加引号读不了。改法：加上半角引号，例如 \"%\"。"),
        ("clause: 四(三)}", "clause: 四(三)", "parameters.yml:8：括号没有成对。改法：补成一对。"),
        ("unit: 工作日", "unit: \"工作日", "parameters.yml:4：引号没有成对。改法：补成一对。"),
        ("unit: 工作日", "unit: “工作日”", "parameters.yml:4：parameters.visit_days.unit：里面有引号、冒号或逗号。改法：改对。"),
        ("    unit: 工作日", "    unit: 工作日\n    unit: 天", "parameters.yml:5：\"unit\" 写了两遍。改法：去掉一个。"),
        ("2025-07-01", "2025年7月1日", "parameters.yml:7：parameters.visit_days.values.0.effective_from：要写成日期。改法：写成 2026-03-05 这样，月和日要有这一天。"),
        ("2025-07-01", "2025-7-1", "parameters.yml:7：parameters.visit_days.values.0.effective_from：要写成日期。改法：写成 2026-03-05 这样，月和日要有这一天。"),
        ("value: 12", "value: 12天", "parameters.yml:6：parameters.visit_days.values.0.value：要写成数字。改法：只写数字，例如 12.5；单位写在 unit 里。"),
        ("        source: {document: banfa, clause: 四(三)}\n", "", "parameters.yml:6：parameters.visit_days.values.0.source：没有写这一项。改法：补上 source:。"),
        ("四(三)", "四(二)", "parameters.yml:2：visit_days：引的 banfa 里没有 四(二) 这一条。改法：改条款号(是不是 四(四), 四(三)？)，或者在那份文件里补上这一条。"),
        ("document: banfa", "document: banf", "parameters.yml:2：visit_days：引的文件 banf 不在政策包里。改法：改对文件编号(是不是 banfa？)，或者补上 documents/banf.md。"),
        ("value: 12", "value: {urban: 12, rural: 9}", "parameters.yml:2：visit_days.value：写的是 ['rural', 'urban']。改法：数字分城乡(或者分几种)的，要写 by，例如 by: area。"),
    ],
)  # fmt: skip
def test_a_slip_among_the_figures_is_told_at_its_line(
    packs: Path, before: str, after: str, says: str
) -> None:
    swap(packs, FIGURES, before, after)
    assert told_of(packs, FIGURES) == [says]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("aspect: how_long", "aspect：how_long", "documents/banfa.md:11：四(三) 入户调查.aspect：aspect 后面用了全角冒号“：”。改法：写成 aspect: how_long。"),
        ("aspect: how_long", "aspect:how_long", "documents/banfa.md:11：四(三) 入户调查.aspect：aspect: 的冒号后面没有空格。改法：写成 aspect: how_long。"),
        ("parameters: [", "parameters：[", "documents/banfa.md:13：四(三) 入户调查.parameters：parameters 后面用了全角冒号“：”。改法：写成 parameters: [visit_days]。"),
        ("asks: [几", "\tasks: [几", "documents/banfa.md:12：四(三) 入户调查.asks：asks 前面有空格，要顶格写。改法：写成 asks: [几天上门看, 多久来家里查, 谁来家里]。"),
        ("asks: [几", "\nasks: [几", "documents/banfa.md:13：四(三) 入户调查.asks：asks 和这一节开头的几项隔开了，会被当成正文念给居民听。改法：紧跟在标题下面写，几项之间不要夹别的行。"),
        ("## 四(四) 公示", "##四(四) 公示", "documents/banfa.md:17：四(三) 入户调查：像是一节的标题，但是 ## 后面没有空格(或者用了全角的＃)。改法：写成 ## 四(四) 公示。"),
        ("## 四(四) 公示", "＃＃ 四(四) 公示", "documents/banfa.md:17：四(三) 入户调查：像是一节的标题，但是 ## 后面没有空格(或者用了全角的＃)。改法：写成 ## 四(四) 公示。"),
        ("## 四(四) 公示", "## 四、(四)公示", "documents/banfa.md:17：四、(四)公示：这一节没有条款号，或者没有标题。改法：写成 ## 四(四) 公示。"),
        ("## 四(四) 公示", "## 四（四）1.公示", "documents/banfa.md:17：四（四）1.公示：这一节没有条款号，或者没有标题。改法：写成 ## 四(四)1 公示。"),
        ("## 四(四) 公示", "## 四(四)", "documents/banfa.md:17：四(四)：这一节没有条款号，或者没有标题。改法：写成 ## 四(四) 标题。"),
        ("aspect: notice", "aspect: 公示", "documents/banfa.md:19：四(四) 公示.aspect：没有这一方面。改法：从这些里选：谁能享受 who、"),
        ("schemes: [dibao]", "schemes: [低保]", "documents/banfa.md:9：四(三).schemes：有不认得的代号：低保。改法：改对代号(是不是 dibao？)；"),
        ("schemes: [dibao]", "schemes: dibao", "documents/banfa.md:10：四(三) 入户调查.schemes：要写成列表 [甲, 乙]。改法：写成 [甲, 乙]：方括号、逗号、冒号都用半角。"),
        ("[visit_days]", "[visit_day]", "documents/banfa.md:9：四(三).parameters：parameters.yml 里没有 visit_day。改法：改对；是不是 visit_days？"),
        ("12个", "15个", "documents/banfa.md:9：四(三).parameters：visit_days 是 12，条款的正文里没有这个数。改法："),
        ("issuer: ", "issuer：", "documents/banfa.md:4：front matter：issuer 后面用了全角冒号“：”。改法：写成 issuer: 。"),
        ("source: 县政府网站\n", "", "documents/banfa.md:2：front matter.source：没有写这一项。改法：补上 source:。"),
    ],
)  # fmt: skip
def test_a_slip_in_a_document_is_told_at_its_line(packs: Path, before: str, after: str, says: str) -> None:
    swap(packs, DOCUMENT, before, after)
    found = told_of(packs, DOCUMENT)
    assert len(found) == 1
    assert found[0].startswith(says)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        (DOCUMENT, "## 四(三) ", "## 四（三） "),
        (FIGURES, "四(三)", "四（三）"),
        ("eval.yml", "四(三)", "四（三）"),
        (DOCUMENT, "## 四(四) 公示\n", "## 四(四) 公示\n\n"),
        (DOCUMENT, "## 四(四) ", "### 四(四) "),
    ],
)
def test_what_chinese_keyboards_and_editors_write_is_taken_as_meant(
    packs: Path, file: str, before: str, after: str
) -> None:
    swap(packs, file, before, after)
    assert told(packs) == []
    document = load_pack("lixi", packs).document("banfa")
    assert document is not None
    assert [clause.number for clause in document.clauses] == ["四(三)", "四(四)"]


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
    ids=["byte order mark", "Windows line ends"],
)
def test_how_windows_saves_a_file_does_no_harm(packs: Path, encode: Callable[[str], bytes]) -> None:
    for file, text in FILES.items():
        (packs / "lixi" / file).write_bytes(encode(text))
    assert told(packs) == []


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_another_encoding_is_told_with_the_way_to_save_it(packs: Path, file: str, encoding: str) -> None:
    (packs / "lixi" / file).write_bytes(FILES[file].encode(encoding))
    assert f"{file}：不是 UTF-8 编码。改法：用记事本打开，点“文件”→“另存为”，编码选 UTF-8。" in told(packs)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("parameter.yml", "parameter.yml：不会读这个文件。改法：改对；是不是 parameters.yml？"),
        ("coverage.yaml", "coverage.yaml：不会读这个文件。改法：改对；是不是 coverage.yml？"),
        ("schemes/gaoling.yaml", "schemes/gaoling.yaml：不会读这个文件。改法：改对；是不是 gaoling.yml？"),
        ("documents/办法.docx", "documents/办法.docx：不会读这个文件。改法：原文请用 jzt kb ingest 录进来；documents 里只放 .md 文件。"),
    ],
)  # fmt: skip
def test_a_file_nothing_reads_is_told(packs: Path, name: str, says: str) -> None:
    path = packs / "lixi" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x", encoding="utf-8")
    assert told(packs) == [says]


def test_notes_and_backups_are_left_alone(packs: Path) -> None:
    for name in (
        "README.md",
        "备忘.txt",
        ".parameters.yml.swp",
        "documents/.banfa.md.swp",
        "documents/~$banfa.docx",
    ):
        (packs / "lixi" / name).write_text("x", encoding="utf-8")
    assert told(packs) == []


def test_words_run_together_by_a_full_width_comma_are_told(packs: Path) -> None:
    swap(packs, "glossary.yml", "高龄津贴, ", "高龄津贴，")
    assert told(packs) == [
        "glossary.yml:2：synonyms.0：“高龄津贴，敬老钱”里有“，”，会被当成一个词。改法：每个词用半角逗号隔开：[高龄津贴, 敬老钱]。"
    ]


def test_a_clause_of_eval_that_is_not_there_is_told_with_what_was_meant(packs: Path) -> None:
    swap(packs, "eval.yml", "banfa 四(三)", "banfa 四(五)")
    (line,) = told(packs)
    assert line.startswith(
        "eval.yml:2：clause：没有这一条：banfa 四(五)。改法：写成“文件编号 条款号”；是不是 banfa 四("
    )


def test_an_unknown_parent_is_told_with_the_shipped_packs_too(packs: Path) -> None:
    swap(packs, "pack.yml", "parent: guojia", "parent: guo")
    assert told(packs) == [
        "pack.yml:4：parent：没有叫 guo 的政策包。改法：从这些里选：guojia, shifan-qu, shifan-xian。"
    ]


def test_what_is_missing_in_a_list_is_told_once(packs: Path) -> None:
    (packs / "lixi" / "workflow.yml").write_text("steps:\n  - {id: visit, owner: 乡镇}\n", encoding="utf-8")
    assert told(packs) == [
        "workflow.yml:2：steps.0.title：没有写这一项。改法：补上 title:。",
        "workflow.yml:2：steps.0.source：没有写这一项。改法：补上 source:。",
    ]


@pytest.mark.parametrize(
    "command", [["ask", "低保公示几天"], ["assess", "--facts"], ["kb", "eval"], ["facts"]]
)
def test_every_command_tells_a_fault_in_chinese(packs: Path, command: list[str], tmp_path: Path) -> None:
    swap(packs, FIGURES, "    name: ", "    name：")
    given = tmp_path / "given.json"
    given.write_text("{}", encoding="utf-8")
    files = [str(given)] if command[-1] == "--facts" else []
    result = CliRunner().invoke(main, [*command, *files, "--pack", "lixi"], env={"JZT_PACKS_DIR": str(packs)})
    assert result.exit_code == 1
    assert "parameters.yml:3：name 后面用了全角冒号“：”。改法：写成 name: 。" in result.output


def said(packs: Path, today: date = date(2026, 3, 5)) -> list[str]:
    pack = load_pack("lixi", packs)
    lines = [in_chinese(one) for one in notices(pack, coverage(pack), today)]
    return [line.removeprefix(f"{packs}/lixi/") for line in lines]


NO_COVERAGE = (
    "coverage.yml：没有写，1 份文件收全了没有就查不了。改法：写法见 docs/pack-author.md“收全了没有”。"
)


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        (FIGURES, "2025-07-01", "2025-07-01\n        effective_to: 2025-12-31", "parameters.yml:2：visit_days：今天没有现行的数：最后一个到 2025-12-31 止。改法：在 values 里加一个现行的数，写上日期和出处。"),
        (FIGURES, "2025-07-01", "2026-07-01", "parameters.yml:2：visit_days：今天还没有数：第一个从 2026-07-01 起。改法：在 values 里加一个现行的数，写上日期和出处。"),
        (DOCUMENT, "贴出来几天", "几天上门看", "documents/banfa.md：asks：有 1 句问法写了不止一处，居民这样问时几条会抢：“几天上门看”(banfa 四(三)、banfa 四(四))。改法：只留在答得上的那一条，别处换个说法。"),
        (DOCUMENT, "贴出来几天, ", "", "documents/banfa.md：asks：有 1 条的问法不到 3 句，居民问起来不容易找到：四(四)。改法：照居民的口气多写几句。"),
        ("glossary.yml", "synonyms:", "schemes:\n  gaolin: [敬老]\nsynonyms:", "glossary.yml:2：schemes.gaolin：gaolin 是新代号，可是没有一条条款、没有一项救助用它。改法：改对代号，或者补上条款。"),
    ],
)  # fmt: skip
def test_what_makes_answers_worse_is_a_notice_and_no_fault(
    packs: Path, file: str, before: str, after: str, says: str
) -> None:
    assert said(packs) == [NO_COVERAGE]
    swap(packs, file, before, after)
    assert said(packs) == [says, NO_COVERAGE]


def test_a_fact_no_named_clause_tells_is_noticed(packs: Path) -> None:
    swap(packs, "eval.yml", "四(三)], fact: ['12']", "四(四)], fact: [5个工作日, 7天]")
    assert said(packs)[0] == "eval.yml:2：fact：引用的条款里没有“7天”。改法：改 fact，或者改条款号。"


def test_too_few_unanswerable_questions_are_noticed(packs: Path) -> None:
    lines = "".join(f"  - {{q: 第{at}次问几天上门, clause: [banfa 四(三)]}}\n" for at in range(20))
    (packs / "lixi" / "eval.yml").write_text("questions:\n" + lines, encoding="utf-8")
    assert said(packs)[0].startswith("eval.yml：questions：20 个问题里只有 0 个是没有依据的。")


def test_notices_are_listed_and_change_no_exit_code(packs: Path) -> None:
    shown = check(packs)
    assert shown.exit_code == 0
    assert "提醒 1 条(不是错，照样能用)：" in shown.output
    assert "有条款的救助方案" in shown.output


def test_documents_coverage_says_nothing_of_are_noticed(packs: Path) -> None:
    plan = "sources:\n  - {collection: '1', plan: 另一份, residents: false, why: 内部文件}\n"
    (packs / "lixi" / "coverage.yml").write_text(plan, encoding="utf-8")
    assert said(packs) == [
        "coverage.yml：sources：没有写这几份文件：banfa。改法：照 docs/pack-author.md“收全了没有”写上。"
    ]


def test_the_cure_for_a_side_names_every_side() -> None:
    cure = in_chinese(Problem(Path("a.md"), 1, "aspect", "x", "choose one side"))
    assert [one for one in get_args(Aspect) if f" {one}" not in cure] == []


def _literals(node: ast.expr, names: dict[str, list[ast.expr]]) -> list[str]:
    """What an expression may say, anything put in standing as 1; [] where that cannot be seen."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        parts = [
            part.value
            if isinstance(part, ast.Constant)
            else "'甲'"
            if getattr(part, "conversion", -1) == 114
            else "甲"
            for part in node.values
        ]
        return ["".join(map(str, parts))]
    if isinstance(node, ast.IfExp):
        return _literals(node.body, names) + _literals(node.orelse, names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        ends = _literals(node.right, names) or ["", "; meant: 1"]
        return [left + end for left in _literals(node.left, names) for end in ends]
    if isinstance(node, ast.Name):
        return [text for value in names.get(node.id, ()) for text in _literals(value, {})]
    return []


def _said_by(function: ast.AST) -> Iterator[Problem]:
    """A problem for each thing the calls within a function may report."""
    names: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = (
                    zip(target.elts, node.value.elts, strict=False)
                    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                    else [(target, node.value)]
                )
                for one, value in pairs:
                    if isinstance(one, ast.Name):
                        names.setdefault(one.id, []).append(value)
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        args = [one for arg in node.args for one in ([arg, arg] if isinstance(arg, ast.Starred) else [arg])]
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if called in {"Problem", "_problem", "problem"} and len(args) >= 4:
            yield from (Problem(Path("x"), 1, "", what) for what in _literals(args[3], names) if what)
            for cure in args[4:5]:
                yield from (
                    Problem(Path("x"), 1, "", "毛病", text) for text in _literals(cure, names) if text
                )
        elif called in {"ExpressionError", "ValueError"} and args:
            yield from (Problem(Path("x"), 1, "", what) for what in _literals(args[0], names) if what)


# What the installation itself may say, not a pack's files.
NOT_OF_PACKS = {"it holds something else"}


def test_every_fault_of_a_pack_has_its_chinese_words() -> None:
    folder = Path(policies_kb.__file__).parent
    files = [path for path in folder.rglob("*.py") if not {"ingest", "screening"} & set(path.parts)]
    untold = set()
    for path in files:
        functions = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        ]
        for problem in (problem for function in functions for problem in _said_by(function)):
            chinese = re.sub("改法|毛病", "", in_chinese(problem))
            if not re.search("[\u4e00-\u9fff]", chinese):
                untold.add((path.name, problem.cure or problem.what))
    assert {one for one in untold if one[1] not in NOT_OF_PACKS} == set()
