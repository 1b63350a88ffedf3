"""What the kinds of repairs and marks are called on the screen."""

from __future__ import annotations

# "repair.<kind>" and "mark.<kind>", as policies_kb.ingest names them → words for staff.
KINDS = {
    "repair.mojibake": "乱码", "repair.pinyin": "夹在字里的拼音", "repair.traditional": "繁体字", "repair.width": "全角半角",
    "repair.space": "空格", "repair.quotes": "引号", "repair.stray": "多余的符号", "repair.page_number": "页码",
    "repair.joined": "断开的句子", "mark.mojibake": "乱码没能还原", "mark.mojibake_context": "乱码按上下文还原",
    "mark.pinyin": "不像拼音的字母", "mark.traditional": "繁体字有几种简体", "mark.missing_year": "隐去的年份",
    "mark.missing_text": "缺字", "mark.stray_line": "夹在中间的短行", "mark.ocr": "识别没把握", "mark.encoding": "编码没把握",
    "mark.number_gap": "编号不连",
    "mark.number_repeated": "编号重复",
    "mark.number_restarts": "编号从头开始",
    "mark.number_inside": "句中编号",
    "mark.title_unsure": "标题是拟的",
    "mark.issuer_unknown": "没有发文机关",
    "mark.date_unknown": "日期不明",
    "mark.not_for_residents": "不像给居民的",
}  # fmt: skip
