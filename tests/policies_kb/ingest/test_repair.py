"""Repairs: each shown on the runs that real collections hold, and what must never happen as properties."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from policies_kb.ingest.read import read
from policies_kb.ingest.repair import as_source, repair
from policies_kb.ingest.repair.wrong_decoding import stretches
from policies_kb.ingest.report import report
from policies_kb.ingest.types import Repaired, Source, SourceLine
from policies_kb.loader import load_pack

ROOT = Path(__file__).resolve().parents[3]
SEEDS = next((folder for folder in (ROOT.parent / "shared" / "seeds",) if folder.is_dir()), None)


def repaired(*texts: str) -> Repaired:
    lines = tuple(SourceLine(text, number) for number, text in enumerate(texts, start=1))
    return repair(Source(Path("a.txt"), "txt", "0" * 64, lines))


def text_of(text: str) -> str:
    result = repaired(text)
    return "\n".join(line.text for line in result.kept)


def kinds(result: Repaired) -> set[str]:
    return {repair.kind for line in result.lines for repair in line.repairs}


def marks(result: Repaired) -> set[str]:
    return {mark.kind for line in result.lines for mark in line.marks}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("責(zé)任落實(shí)到人", "责任落实到人"),
        ("進(jìn)一步強(qiáng)化", "进一步强化"),
        ("長(zhǎng)效機(jī)制", "长效机制"),
        ("了解(jiě)情况", "了解情况"),
    ],
)
def test_readings_in_brackets_go(before: str, after: str) -> None:
    assert text_of(before) == after


def test_a_bracket_that_is_no_reading_of_its_character_stays_and_is_marked() -> None:
    result = repaired("天(mào)气")
    assert result.kept[0].text == "天(mào)气"
    assert marks(result) == {"pinyin"}


def test_brackets_with_latin_letters_that_are_no_readings_stay() -> None:
    assert text_of("手机应用(app)和甲类(a)") == "手机应用(app)和甲类(a)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("。ㄒ唬┙M織開展摸底排查工作", "（一）组织开展摸底排查工作"),
        ("。ㄋ模┻M(jìn)一步規(guī)範", "（四）进一步规范"),
        ("。ㄎ澹┓诸愖龊昧骼似蛴懭藛T救助。", "（五）分类做好流浪乞讨人员救助。"),
        ("。ㄒ唬⿵(qiáng)化組織保障", "（一）强化组织保障"),
        ("。ㄒ唬﹫(jiān)持依法依規(guī)的原則", "（一）坚持依法依规的原则"),
        ("標準不低於當(dāng)?shù)刈畹凸べY標(biāo)準(zhǔn)", "标准不低于当地最低工资标准"),
        ("防止因?yàn)?zāi)致貧", "防止因灾致贫"),
        ("12種慢性。ㄖ匕Y)、門診", "12种慢性病（重症)、门诊"),
    ],
)
def test_gbk_text_read_one_byte_off_is_restored(before: str, after: str) -> None:
    assert text_of(before) == after


def test_what_bytes_do_not_tell_is_a_marked_proposal() -> None:
    result = repaired("。ㄒ)加強(qiáng)領(lǐng)導(dǎo)")
    assert result.kept[0].text == "（一)加强领导"
    assert "mojibake_context" in marks(result)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("标准：鏀跨瓥规定", "标准：政策规定"),
        ("æ”¿ç\xad–", "政策"),
        ("Õþ²ß", "政策"),
        (
            "农村低保对象应当在10个工作日内申请。".encode().decode("latin1"),
            "农村低保对象应当在10个工作日内申请。",
        ),
    ],
)
def test_text_of_a_wrong_table_is_restored(before: str, after: str) -> None:
    result = repaired(before)
    assert result.kept[0].text == after
    assert kinds(result) == {"mojibake"}
    assert marks(result) == set()


def test_bytes_lost_by_the_wrong_table_are_gaps_and_the_figure_beside_them_is_marked() -> None:
    result = repaired("农村低保对象应当在10个工作日内申请".encode().decode("gb18030", "replace"))
    line = result.kept[0]
    assert line.text.startswith("农村低保对象应当□10个工作日内申")
    assert [mark.kind for mark in line.marks] == ["mojibake", "mojibake"]
    assert "10" in {mark.text for mark in line.marks}


def test_a_figure_that_may_have_lost_a_digit_is_marked_whole() -> None:
    line = repaired("老年人口6.5萬人,占總人口的比例上升,占總?cè)丝诘?2.87%,共建設機構8處。").kept[0]
    assert any(mark.text == "2.87%" for mark in line.marks)
    assert all(mark.text in line.text for mark in line.marks)


def test_what_no_word_supports_is_a_gap_and_not_a_guess() -> None:
    text = text_of("專業(yè)性孵化器向?qū)I(yè)性孵化器轉(zhuǎn)變")
    assert text == "专业性孵化器向专业性孵化器转变"
    assert text_of("。ㄋ模┕?h級(jí)人民政府審核") == "（四）□县级人民政府审核"


def test_what_cannot_be_restored_is_marked_and_kept() -> None:
    result = repaired("补助标准为\ufffd\ufffd元")
    assert "mojibake" in marks(result)
    assert "元" in result.kept[0].text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("應當于１０日內提出申請", "应当于10日内提出申请"),
        ("应当- 12 -及时公示", "应当及时公示"),
        ("享受救助的'不重复救助", "享受救助的不重复救助"),
        ("各类企业的`辐射和示范作用", "各类企业的辐射和示范作用"),
        ("按月发放,不得拖欠;每户1,000元", "按月发放\uff0c不得拖欠\uff1b每户1,000元"),
        ("落实“一次告知”。</p>", "落实“一次告知”。"),
        ("乾隆年間著作", "乾隆年间著作"),
    ],
)
def test_single_characters(before: str, after: str) -> None:
    assert text_of(before) == after


@pytest.mark.parametrize("text", ["2020-12-31前办结", "编号3-12-5号", "每月10-12-15日发放"])
def test_dates_and_ranges_are_no_page_numbers(text: str) -> None:
    assert text_of(text) == text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("- 困難幫扶方案 推薦度:", "网站的导航或推荐"),
        ("相关推荐", "网站的导航或推荐"),
        ("欢迎来到零思考方案网网站!", "网站的广告"),
        ("版权声明:本文内容由互联网用户自发贡献,该文观点仅代表作者本人。", "网站的版权声明"),
        ("以下是小编为大家收集的困难帮扶方案,欢迎大家分享。", "网站编者的开场白"),
        ("— 12 —", "页码"),
        ("【打印】【关闭】", "网站的导航或推荐"),
        ("【字体：大 中 小】 【打印本页】", "网站的导航或推荐"),
        ("首页 > 政务公开 > 政策文件", "网站的导航或推荐"),
        ("首页 | 政务公开", "网站的导航或推荐"),
        ("版权所有：青山县人民政府 备案号：赣ICP备00000000号", "网站的版权声明"),
        ("主办：青山县人民政府办公室 技术支持：某公司", "网站的版权声明"),
        ("网站标识码：0000000000 赣公网安备 00000000000000号", "网站的版权声明"),
    ],
)
def test_lines_that_are_no_part_of_the_document_are_dropped_with_their_reason(line: str, reason: str) -> None:
    result = repaired("一、救助对象", line)
    assert result.lines[1].dropped == reason
    assert result.lines[1].original == line


@pytest.mark.parametrize(
    "line",
    [
        "主办单位：县民政局",
        "技术支持：由县卫健局提供远程会诊",
        "首页 盖章后交乡镇，由乡镇上报",
        "应到网站首页/窗口申请。",
    ],
)
def test_lines_that_only_look_like_page_furniture_are_kept(line: str) -> None:
    assert repaired("一、救助对象", line).lines[1].dropped is None


def test_a_numbered_line_is_never_taken_for_advertisement() -> None:
    assert repaired("1、由乡镇向县民政局推荐,供大家参考。").lines[0].dropped is None


def test_the_title_of_a_plan_is_kept_though_a_site_calls_it_wonderful() -> None:
    line = repaired("精彩范文 社会救助综合改革试点工作方案模板").lines[0]
    assert line.dropped is None


def test_missing_years_are_marked_and_never_filled() -> None:
    result = repaired("于20xx年6月底前完成,20××年起执行。")
    assert "20xx年6月" in result.kept[0].text
    assert [mark.kind for mark in result.kept[0].marks] == ["missing_year", "missing_year"]


def test_a_sentence_broken_by_a_page_is_joined_over_the_page_number() -> None:
    head = "各乡镇要按照属地管理的原则认真做好困难群众的摸底排查工作并建立健全相关的台账制度，更好地为经"
    result = repaired(head, "— 1 —", "济发展服务，每季度报送一次。", "二、时限")
    assert [line.text for line in result.kept] == [head + "济发展服务，每季度报送一次。", "二、时限"]
    assert result.originals() == (head, "— 1 —", "济发展服务，每季度报送一次。", "二、时限")
    assert "joined" in kinds(result)


def test_a_traditional_character_in_simplified_text_is_not_turned_into_a_wrong_word() -> None:
    assert text_of("加快调度通报、督査督导") == "加快调度通报、督查督导"
    clean = "各乡镇要按照属地管理的原则认真做好困难群众的摸底排查工作\uff0c建立健全相关台账。"
    doubtful = repaired(clean, "建立健全诚信激励約东机制", "加强與论引导工作")
    assert [line.text for line in doubtful.kept] == [clean, "建立健全诚信激励約东机制", "加强與论引导工作"]
    assert marks(doubtful) == {"traditional"}


PIECES = st.sampled_from(
    ["责(zé)任", "責任", "。ㄒ唬┙M織", "?shù)刈畹", "一、", "(一)", "低保", "20xx年", "应当- 3 -及时", "，", ",", "。", "\u3000",
     "'", '"', "１２", "730元", "小编", "\n", " ", "— 2 —", "推荐度:", "()", "著作", "乾", "A", "�", "å…¬",
     "“", "”", "?", ";", "shù)", "刈畹", "┙M", "⿵(qiáng)化", "&nbsp;", "</p>", "鄉(xiāng)", "乾縣", "政策", "與论", "a、"]
)  # fmt: skip


def clauses() -> list[str]:
    return sorted(
        {line.strip() for document in load_pack("shifan-xian").documents for clause in document.clauses
         for line in clause.text.splitlines() if len(line.strip()) > 8}
    )  # fmt: skip


WRONG = st.sampled_from(
    [
        ("utf-8", "gb18030"),
        ("utf-8", "latin-1"),
        ("utf-8", "cp1252"),
        ("gb18030", "latin-1"),
        ("gb18030", "cp1252"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(clauses()), WRONG, st.integers(0, 30))
def test_a_clause_read_by_the_wrong_table_comes_back_or_shows_its_gaps(
    text: str, tables: tuple[str, str], cut: int
) -> None:
    right, wrong = tables
    text = text[cut : cut + 60]
    shown = text.encode(right).decode(wrong, "replace")
    assert restored(text) == text
    if "\ufffd" not in shown and len(re.findall("[\u4e00-\u9fff]", text)) > 2:
        assert restored(shown) == text
    for found in stretches(shown):
        # What is restored stands in the clause in this order; all else is a visible gap.
        rest = iter(text)
        assert all(character in rest for character in found.text if character != "□")


def restored(text: str) -> str:
    result, done = "", 0
    for found in stretches(text):
        result += text[done : found.start] + found.text
        done = found.end
    return result + text[done:]


@settings(max_examples=40, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
# Each was read otherwise the second time, by what the first time had changed.
@example('""?shù)刈畹')
@example(";?，第 3 页 共 5 页?h級(jí)⿵(qiáng)化刈畹")
@example("鏀跨瓥&nbsp;縣民政局┙M。第 3 页 共 5 页鄉(xiāng)(shù)")
@example("？ 的:应当- 3 -及时shù)慢性。ㄖ匕Y)１２")
@example("&nbsp;鄉(xiāng)应当- 3 -及时")
@example("乾縣職業(yè)教育中心")
@example("(shù)— 2 —”?h級(jí)ａ、?\n\uff1f的?shù)刈畹")
def test_repair_is_idempotent_and_loses_nothing(text: str) -> None:
    lines = text.split("\n")
    first = repaired(*lines)
    assert first.originals() == tuple(lines)
    again = repair(as_source(first))
    assert [line.text for line in again.lines if line.dropped is None] == [
        line.text for line in first.lines if line.dropped is None
    ]


@pytest.mark.parametrize("pack", ["guojia", "shifan-xian", "shifan-qu"])
def test_clean_official_text_is_not_changed(pack: str) -> None:
    texts = [line for document in load_pack(pack).documents for clause in document.clauses
             for line in clause.text.splitlines() if line.strip()]  # fmt: skip
    changed = []
    for text in texts:
        result = repaired(text)
        if result.lines[0].repairs or result.lines[0].dropped:
            changed.append((text, result.lines[0].repairs, result.lines[0].dropped))
    assert texts
    assert changed == []


@pytest.mark.seeds
@pytest.mark.skipif(SEEDS is None, reason="../shared/seeds is absent")
class TestSeeds:
    @pytest.fixture(scope="class", params=["000", "001", "002", "003", "004"])
    @classmethod
    def seed(cls, request: pytest.FixtureRequest) -> Repaired:
        assert SEEDS is not None
        return repair(read(next(SEEDS.glob(f"{request.param}_*.txt"))))

    def test_no_reading_and_no_mojibake_is_left_unmarked(self, seed: Repaired) -> None:
        for line in seed.kept:
            odd = re.search("[ㄅ-ㄯ┌-╬⿰-⿻]", line.text)
            assert not odd or any(mark.kind == "mojibake" for mark in line.marks), line.text
            left = re.search(r"\([a-z]*[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ][a-z]*\)", line.text)
            assert not left or any(mark.kind in ("pinyin", "mojibake") for mark in line.marks), line.text

    def test_every_figure_of_the_original_is_kept(self, seed: Repaired) -> None:
        for line in seed.lines:
            given_up = "".join(change.before for change in line.repairs if change.kind == "page_number")
            for figure in re.findall(r"\d+", line.original):
                assert figure in line.text or figure in given_up, (line.line, figure)

    def test_nothing_is_lost_and_a_second_repair_changes_nothing(self, seed: Repaired) -> None:
        assert seed.originals() == tuple(line.text for line in seed.source.lines)
        kept = [line for line in seed.lines if line.dropped is None]
        again = repair(as_source(seed)).lines
        assert [line.text for line in again] == [line.text for line in kept]

    def test_the_report_counts_lines(self, seed: Repaired) -> None:
        figures = report(seed)
        assert figures.lines == sum(bool(line.text.strip()) for line in seed.source.lines)
        assert 0 < figures.repaired_share <= 1
        assert figures.dropped < 0.05 * figures.lines


def test_a_reading_without_its_character_is_marked_and_a_quotation_is_not_read_as_bytes() -> None:
    for text in ("?shù)刈畹", "他说“?shù)刈畹”", '""?shù)刈畹'):
        result = repaired(text)
        assert "shù)刈畹" in result.kept[0].text
        assert "mojibake" in marks(result)


def test_a_traditional_character_at_the_edge_of_a_line_is_turned_only_in_a_word() -> None:
    misread = repaired("與论引导")
    assert misread.kept[0].text == "與论引导"
    assert marks(misread) == {"traditional"}
    assert text_of("鄉镇") == "乡镇"


def test_a_name_of_a_traditional_file_is_turned_once_only() -> None:
    assert text_of("乾縣職業(yè)教育中心") == "乾县职业教育中心"


def test_a_space_inside_a_word_goes_and_one_between_words_stays() -> None:
    assert text_of("鼓励继续按年缴 纳养老保险费，多缴多得。") == "鼓励继续按年缴纳养老保险费，多缴多得。"
    assert text_of("由县民政局 县财政局负责，按月发放。") == "由县民政局 县财政局负责，按月发放。"


def test_a_piece_of_an_address_inside_a_word_goes() -> None:
    assert text_of("新村建设为示www.范点，投资到位。") == "新村建设为示范点，投资到位。"


def test_a_letter_left_of_lost_bytes_is_marked() -> None:
    result = repaired("提出审核意见?h级教育部门应当完成审核。")
    assert "mojibake" in marks(result)
    assert "mojibake" not in marks(repaired("是否属于x类？A类应当完成审核。"))


def test_a_bare_line_between_two_paragraphs_that_follow_each_other_is_marked_and_kept() -> None:
    result = repaired("2.加大研发投入。", "品友互动", "3.培养人才队伍。")
    assert [line.text for line in result.kept] == ["2.加大研发投入。", "品友互动", "3.培养人才队伍。"]
    assert "stray_line" in marks(result)
    for heading in (("2.加大研发投入。", "产生程序", "1.由省里推荐。"), ("二、审核", "上门调查", "三、公示")):
        assert "stray_line" not in marks(repaired(*heading))
