"""The loader of policy documents: what it accepts, and what it tells an author whose file is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from policies_kb.clauses import load_document, load_documents
from policies_kb.errors import DataFileError
from policies_kb.loader import PACKS_DIR, pack_names

HEAD = """---
id: banfa
title: 某县办法
issuer: 某县
number: null
effective_from: 2022-01-01
effective_to: null
source: 测试
---
"""
SECTION = """# 三、内容
## 三(二)3 入户调查
schemes: [dibao]
aspect: how_long
asks: [几天来人]

3个工作日内上门。
"""


def write(folder: Path, text: str, name: str = "banfa.md") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_clause_carries_number_heading_dates_and_pack(tmp_path: Path) -> None:
    document = load_document(write(tmp_path, HEAD + SECTION), pack="mou-xian")
    (clause,) = document.find("三(二)3")
    assert clause.heading == "入户调查"
    assert clause.path == ("三、内容",)
    assert clause.text == "3个工作日内上门。"
    assert (clause.schemes, clause.aspect, clause.pack, clause.line) == (
        ("dibao",),
        "how_long",
        "mou-xian",
        11,
    )
    assert clause.effective_from == date(2022, 1, 1)


@pytest.mark.parametrize(
    ("begins", "ends", "today", "said"),
    [
        ("2022-01-01", "null", "2022-01-01", "in_force"),
        ("2022-01-01", "2022-12-31", "2022-12-31", "in_force"),
        ("2022-01-01", "2022-12-31", "2023-01-01", "expired"),
        ("2022-01-01", "null", "2021-12-31", "not_yet"),
    ],
)
def test_both_ends_of_the_dates_are_in_force(
    tmp_path: Path, begins: str, ends: str, today: str, said: str
) -> None:
    head = HEAD.replace("effective_from: 2022-01-01", f"effective_from: {begins}")
    head = head.replace("effective_to: null", f"effective_to: {ends}")
    clause = load_document(write(tmp_path, head + SECTION), pack="p").clauses[0]
    assert clause.dated(date.fromisoformat(today)) == said


def test_a_section_may_have_dates_of_its_own(tmp_path: Path) -> None:
    section = SECTION.replace("aspect: how_long", "aspect: how_long\neffective_to: 2022-06-30")
    clause = load_document(write(tmp_path, HEAD + section), pack="p").clauses[0]
    assert clause.effective_to == date(2022, 6, 30)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("没有开头\n", 1, "does not begin with ---"),
        ("---\nid: banfa\n", 1, "not closed"),
        (HEAD.replace("title: 某县办法\n", "") + SECTION, None, "title"),
        (HEAD.replace("issuer: 某县", "issuer: 某县: x"), 4, "not valid YAML"),
        (HEAD.replace("2022-01-01", "昨天") + SECTION, 6, "effective_from"),
        (HEAD.replace("id: banfa", "id: other") + SECTION, 2, "the file is banfa.md"),
        (HEAD, None, "no clause found"),
        (HEAD + SECTION.replace("三(二)3 入户调查", "入户调查"), 11, "no clause number"),
        (HEAD + SECTION.replace("how_long", "how_log"), 13, "aspect"),
        (HEAD + SECTION.replace("aspect: how_long\n", ""), None, "aspect"),
        (HEAD + SECTION.replace("asks: [几天来人]", "asks: []"), 14, "asks"),
        (HEAD + SECTION.replace("schemes:", "scheme:"), 12, "remove it or correct its spelling"),
        (HEAD + SECTION.replace("3个工作日内上门。", ""), 11, "no text"),
        (HEAD + SECTION + SECTION, 18, "same section stands at line 11"),
        (HEAD + SECTION.replace("aspect:", "effective_to: 2021-01-01\naspect:"), 11, "before effective_from"),
    ],
)
def test_a_wrong_file_is_named_with_line_and_cure(
    tmp_path: Path, text: str, line: int | None, says: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataFileError) as error:
        load_document(path, pack="p")
    found = [problem for problem in error.value.problems if says in str(problem)]
    assert found, str(error.value)
    assert str(path) in str(found[0])
    assert found[0].cure or line is None or "YAML" in found[0].what
    if line is not None:
        assert found[0].line == line


def test_every_fault_of_every_file_is_reported_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "mou-xian" / "documents"
    folder.mkdir(parents=True)
    write(folder, HEAD + SECTION.replace("how_long", "x"), "banfa.md")
    write(folder, "nothing", "other.md")
    with pytest.raises(DataFileError) as error:
        load_documents(folder)
    assert {problem.file.name for problem in error.value.problems} == {"banfa.md", "other.md"}


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "banfa.md"
    path.write_bytes("---\n某县".encode("gb18030"))
    with pytest.raises(DataFileError, match="not UTF-8"):
        load_document(path, pack="p")


def test_a_pack_without_documents_is_no_fault(tmp_path: Path) -> None:
    assert load_documents(tmp_path / "documents") == ()


def test_every_shipped_clause_is_short_enough_to_read_on_a_phone() -> None:
    for pack in pack_names():
        for document in load_documents(PACKS_DIR / pack / "documents"):
            for clause in document.clauses:
                assert len(clause.text) <= 200, (document.id, clause.number, clause.heading)


@pytest.mark.parametrize(
    ("pack", "document", "number", "figures"),
    [
        ("shifan-xian", "shenhe-queren-xiafang", "三(三)", ("20个工作日", "30个工作日")),
        ("shifan-xian", "shenhe-queren-xiafang", "三(二)4", ("7天", "3个工作日")),
        ("shifan-xian", "shenhe-queren-xiafang", "三(二)1", ("3个工作日", "3至5个工作日")),
        ("shifan-xian", "nianshen", "四(一)1", ("490元", "355元")),
        ("shifan-xian", "nianshen", "四(一)2", ("5个工作日", "6个月", "6至12个月", "2年", "3年")),
        ("shifan-xian", "nianshen", "四(三)1", ("1.5倍",)),
        ("shifan-xian", "zhen-gaige-shidian", "四(二)", ("5个工作日",)),
        ("shifan-xian", "xinnongbao", "六", ("55元", "139")),
        ("shifan-xian", "minban-daike", "四", ("900元", "800元", "700元")),
        ("shifan-qu", "qu-gaige-wanshan", "二(一)", ("2倍",)),
        ("shifan-qu", "qu-gaige-wanshan", "二(三)2", ("18周岁",)),
        ("guojia", "zanxing-banfa", "第六十八条", ("1倍以上3倍以下",)),
    ],
)
def test_the_figures_of_the_originals_are_there(
    pack: str, document: str, number: str, figures: tuple[str, ...]
) -> None:
    documents = {one.id: one for one in load_documents(PACKS_DIR / pack / "documents")}
    said = "".join(clause.text for clause in documents[document].find(number))
    assert [figure for figure in figures if figure not in said] == []
