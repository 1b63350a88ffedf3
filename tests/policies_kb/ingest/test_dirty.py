"""Files as offices have them, made here: a page of a web site, a docx numbered by the word processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from policies_kb.ingest.draft import Draft
from policies_kb.ingest.run import Ingest
from tests.policies_kb.ingest.making import NOW, PACK, make_pack

PAGE = """<!doctype html><html><head><meta charset="gbk"><title>示范县高龄津贴办法_政策文件</title></head><body>
<div><a href="/">首页</a> &gt; <a href="/x">政策文件</a></div><h1>示范县高龄津贴发放办法</h1>
<p>&nbsp;&nbsp;为做好高龄津贴发放工作，制定本办法。</p><p><strong>一、发放对象</strong></p><p>年满80周岁的本县老年人。</p>
<p><b>二、发放标准</b></p><p>（一）80至89周岁每人每月50元。</p><p>（二）90周岁以上每人每月100元。</p>
<p>三、附则</p><p>本办法自2024年6月1日起施行。</p><p>示范县民政局</p><p>2024年5月6日</p><script>var a=1</script></body></html>"""


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    make_pack(tmp_path / "packs")
    return Ingest(PACK, tmp_path / "packs")


def drafted(ingest: Ingest, path: Path) -> Draft:
    (draft,) = ingest.file(path, now=NOW).drafts
    return draft


def test_a_page_of_a_web_site(ingest: Ingest, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(PAGE, encoding="gbk")
    draft = drafted(ingest, path)
    front = draft.document.front
    assert (front.title, front.issuer, str(front.effective_from)) == (
        "示范县高龄津贴发放办法",
        "示范县民政局",
        "2024-06-01",
    )
    assert [section.number for section in draft.document.sections] == ["一", "二(一)", "二(二)", "三"]
    assert "每人每月100元" in draft.document.sections[2].text


def numbered(document: Any, text: str, level: int) -> None:
    paragraph = document.add_paragraph(text)
    properties = OxmlElement("w:numPr")
    for tag, value in (("w:ilvl", level), ("w:numId", 77)):
        element = OxmlElement(tag)
        element.set(qn("w:val"), str(value))
        properties.append(element)
    paragraph._p.get_or_add_pPr().append(properties)


def numbering(document: Any) -> None:
    """The numbering 一、 (一) 1. as a word processor keeps it: in no paragraph's text."""
    part = document.part.numbering_part.element
    abstract = OxmlElement("w:abstractNum")
    abstract.set(qn("w:abstractNumId"), "77")
    for level, (form, text) in enumerate(
        (("chineseCounting", "%1、"), ("chineseCounting", "（%2）"), ("decimal", "%3."))
    ):
        shape = OxmlElement("w:lvl")
        shape.set(qn("w:ilvl"), str(level))
        for tag, value in (("w:start", "1"), ("w:numFmt", form), ("w:lvlText", text)):
            element = OxmlElement(tag)
            element.set(qn("w:val"), value)
            shape.append(element)
        abstract.append(shape)
    part.insert(0, abstract)
    used = OxmlElement("w:num")
    used.set(qn("w:numId"), "77")
    reference = OxmlElement("w:abstractNumId")
    reference.set(qn("w:val"), "77")
    used.append(reference)
    part.append(used)


def test_a_docx_numbered_by_the_word_processor(ingest: Ingest, tmp_path: Path) -> None:
    document = docx.Document()
    numbering(document)
    for text in (
        "示范县民政局关于印发临时救助办法的通知",
        "示民发[2025] 8号",
        "为做好临时救助工作，制定本办法。",
    ):
        document.add_paragraph(text)
    numbered(document, "救助对象", 0)
    numbered(document, "急难型。因火灾、交通事故等突发意外，生活暂时困难的家庭。", 1)
    numbered(document, "支出型。因重病支出过大的家庭。", 1)
    numbered(document, "申请程序", 0)
    numbered(document, "申请。向居住地乡镇提出。", 1)
    numbered(document, "材料。身份证、户口簿。", 2)
    numbered(document, "审核。乡镇应当在5个工作日内审核。", 1)
    document.add_paragraph("本办法自2025年7月1日起施行，有效期5年。")
    path = tmp_path / "办法.docx"
    document.save(str(path))
    draft = drafted(ingest, path)
    assert [section.number for section in draft.document.sections] == [
        "一(一)",
        "一(二)",
        "二(一)",
        "二(一)1",
        "二(二)",
    ]
    assert draft.document.front.number == "示民发〔2025〕8号"
    assert str(draft.document.front.effective_to) == "2030-06-30"
