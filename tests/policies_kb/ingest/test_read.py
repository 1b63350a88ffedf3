"""Files as offices have them: each made here by the tools that make them, read back line by line."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import docx
import pypdf
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from policies_kb.ingest.read import read
from policies_kb.ingest.read.limits import MAX_PAGES
from policies_kb.ingest.read.pages import Printed, paragraphs
from policies_kb.ingest.read.text import decode
from policies_kb.ingest.types import Source, UnreadableSource

PLAIN = "县最低生活保障办法\n一、保障对象\n（一）本县户籍居民，人均收入低于每月730元的，可以申请。\n"
TRADITIONAL = "低收入家庭補助辦法\n申請人應於每月十日前向鎮公所提出申請，經審核後發給補助費。\n"


def texts(source: Source, *parts: str) -> list[str]:
    return [
        line.text for line in source.lines if line.part in (parts or ("body", "heading", "row")) and line.text
    ]


def chinese_font() -> Path:
    for folder in (Path("/usr/share/fonts"), Path("/usr/local/share/fonts")):
        for name in (
            "NotoSansCJK-Regular.ttc",
            "NotoSerifCJK-Regular.ttc",
            "wqy-zenhei.ttc",
            "wqy-microhei.ttc",
        ):
            for found in folder.rglob(name):
                return found
    pytest.skip("no Chinese font: apt-get install fonts-noto-cjk")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
def test_a_text_file_reads_the_same_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "办法.txt"
    path.write_bytes(PLAIN.encode(encoding))
    assert texts(read(path)) == PLAIN.splitlines()


def test_big5_is_told_from_gb18030(tmp_path: Path) -> None:
    path = tmp_path / "辦法.txt"
    path.write_bytes(TRADITIONAL.encode("big5"))
    assert texts(read(path)) == TRADITIONAL.splitlines()


@given(st.sampled_from(["utf-8", "gb18030", "utf-16"]), st.integers(min_value=1, max_value=12))
def test_long_and_short_texts_decode_alike(encoding: str, times: int) -> None:
    assert decode((PLAIN * times).encode(encoding))[0] == PLAIN * times


def test_line_numbers_count_from_one_and_blank_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("第一行\r\n\r\n第三行", encoding="utf-8")
    assert [(line.line, line.text) for line in read(path).lines] == [(1, "第一行"), (2, ""), (3, "第三行")]


def test_a_web_page_keeps_headings_list_numbers_and_table_rows(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    page = """<html><head><meta charset="gb2312"><title>x</title><script>var a=1</script></head><body>
    <h1>临时救助办法</h1><p>一、标准<br>每户<b>1000</b>元。</p><ol><li>身份证</li><li>户口簿</li></ol>
    <table><tr><th>类别</th><th>金额</th></tr><tr><td>一类</td><td>730元</td></tr></table></body></html>"""
    path.write_bytes(page.encode("gb18030"))
    source = read(path)
    assert texts(source) == [
        "临时救助办法", "一、标准", "每户1000元。", "1.身份证", "2.户口簿", "类别 | 金额", "一类 | 730元",
    ]  # fmt: skip
    assert (source.lines[0].part, source.lines[0].level) == ("heading", 1)
    assert source.lines[-1].part == "row"


def numbered_document() -> docx.document.Document:
    document = docx.Document()
    numbering = document.part.numbering_part.element
    levels = (("chineseCounting", "%1、"), ("chineseCounting", "（%2）"), ("decimal", "%3."))
    inner = "".join(
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for depth, (form, text) in enumerate(levels)
    )
    numbering.insert(
        0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="77">{inner}</w:abstractNum>')
    )
    numbering.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="77"><w:abstractNumId w:val="77"/></w:num>'))
    for depth, text in (
        (0, "总体要求"),
        (0, "救助对象"),
        (1, "低保家庭"),
        (2, "本县户籍"),
        (1, "特困人员"),
        (2, "年满60周岁"),
        (0, "办理"),
    ):
        paragraph = document.add_paragraph(text)
        paragraph._p.get_or_add_pPr().append(
            parse_xml(f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{depth}"/><w:numId w:val="77"/></w:numPr>')
        )
    return document


def test_word_numbers_that_are_not_typed_are_worked_out(tmp_path: Path) -> None:
    path = tmp_path / "方案.docx"
    numbered_document().save(str(path))
    assert texts(read(path)) == [
        "一、总体要求", "二、救助对象", "（一）低保家庭", "1.本县户籍", "（二）特困人员", "1.年满60周岁", "三、办理",
    ]  # fmt: skip


def test_word_tables_come_in_their_place_and_margins_apart(tmp_path: Path) -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "某县民政局文件"
    document.add_heading("一、标准", level=1)
    table = document.add_table(rows=2, cols=2)
    for row, cells in enumerate((("类别", "金额"), ("一类", "730元"))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    document.add_paragraph("以上按月发放。")
    path = tmp_path / "a.docx"
    document.save(str(path))
    source = read(path)
    assert texts(source) == ["一、标准", "类别 | 金额", "一类 | 730元", "以上按月发放。"]
    assert texts(source, "header") == ["某县民政局文件"]


def test_deleted_words_of_tracked_changes_are_not_read(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("每月")
    paragraph._p.append(parse_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>700</w:delText></w:r></w:del>"))
    paragraph._p.append(parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>730</w:t></w:r></w:ins>"))
    path = tmp_path / "a.docx"
    document.save(str(path))
    assert paragraph._p.find(qn("w:del")) is not None
    assert texts(read(path)) == ["每月730"]


def printed_pdf(path: Path, pages: int = 3) -> None:
    pdf = FPDF()
    pdf.add_font("cjk", fname=str(chinese_font()))
    pdf.set_font("cjk", size=12)
    pdf.set_auto_page_break(auto=False)
    for page in range(1, pages + 1):
        pdf.add_page()
        pdf.text(20, 10, "某县民政局文件汇编")
        pdf.text(
            20,
            40,
            f"第{'一二三'[page - 1]}条 本县户籍居民家庭人均月收入低于当地最低生活保障标准的可以申请最低",
        )
        pdf.text(20, 50, f"生活保障，每人每月补助{page}00元。")
        pdf.text(100, 290, f"- {page} -")
    pdf.output(str(path))


def test_a_pdf_gives_paragraphs_with_its_furniture_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    printed_pdf(path)
    source = read(path)
    assert source.media == "pdf"
    body = [line for line in source.lines if line.part == "body"]
    assert [line.page for line in body] == [1, 2, 3]
    assert body[1].text.replace(" ", "") == (
        "第二条本县户籍居民家庭人均月收入低于当地最低生活保障标准的可以申请最低生活保障，每人每月补助200元。"
    )
    assert len(texts(source, "header", "footer")) == 6


class TestRefusals:
    def refusal(self, path: Path) -> UnreadableSource:
        with pytest.raises(UnreadableSource) as caught:
            read(path)
        assert caught.value.message_zh
        assert caught.value.cure_zh.startswith("请")
        return caught.value

    def test_old_word_files_name_the_cure(self, tmp_path: Path) -> None:
        path = tmp_path / "老文件.doc"
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600)
        assert "另存为 docx" in self.refusal(path).cure_zh

    def test_missing_empty_and_folder(self, tmp_path: Path) -> None:
        empty = tmp_path / "空.txt"
        empty.write_bytes(b"")
        for path in (tmp_path / "没有.txt", empty, tmp_path):
            self.refusal(path)

    @pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.jpg"])
    def test_damaged_files(self, tmp_path: Path, name: str) -> None:
        heads = {"a.pdf": b"%PDF-1.7\n", "a.docx": b"PK\x03\x04", "a.jpg": b"\xff\xd8\xff\xe0"}
        path = tmp_path / name
        path.write_bytes(heads[name] + b"\x01\x02\x03" * 200)
        self.refusal(path)

    def test_a_word_file_that_unpacks_without_end(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.docx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("word/document.xml", b"0" * 60_000_000)
        self.refusal(path)

    def test_a_locked_pdf(self, tmp_path: Path) -> None:
        path = tmp_path / "locked.pdf"
        writer = pypdf.PdfWriter()
        writer.add_blank_page(200, 200)
        writer.encrypt("1234", algorithm="RC4-128")
        writer.write(str(path))
        assert "密码" in self.refusal(path).message_zh

    def test_too_many_pages(self, tmp_path: Path) -> None:
        path = tmp_path / "long.pdf"
        writer = pypdf.PdfWriter()
        for _ in range(MAX_PAGES + 1):
            writer.add_blank_page(200, 200)
        writer.write(str(path))
        assert str(MAX_PAGES) in self.refusal(path).message_zh

    def test_a_photograph_without_ocr_says_what_to_install(self, tmp_path: Path) -> None:
        path = tmp_path / "photo.png"
        Image.new("RGB", (400, 300), "white").save(path)
        assert "rapidocr" in self.refusal(path).cure_zh

    def test_a_picture_that_unpacks_to_anything(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.png"
        buffer = io.BytesIO()
        Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
        path.write_bytes(buffer.getvalue())
        assert "像素" in self.refusal(path).message_zh


def test_a_title_in_the_middle_of_the_page_is_a_paragraph_of_its_own() -> None:
    printed = [
        Printed("青石县困难家庭补贴实施办法", 1, 0.32, 0.68, 0.1),
        Printed("各乡镇人民政府为做好补贴工作，方便群众", 1, 0.1, 0.68, 0.2),
        Printed("就近办理，制定本办法。", 1, 0.1, 0.4, 0.25),
    ]
    assert [line.text for line in paragraphs(printed, 1)] == [
        "青石县困难家庭补贴实施办法",
        "各乡镇人民政府为做好补贴工作，方便群众就近办理，制定本办法。",
    ]


def test_plain_text_under_another_kind_of_name_is_read_and_told(tmp_path: Path) -> None:
    file = tmp_path / "通知.docx"
    file.write_text("一、补助对象", encoding="utf-8")
    source = read(file)
    assert [line.text for line in source.lines] == ["一、补助对象"]
    assert any("里面却是纯文字" in note for note in source.notes)
