"""A county's pack nobody fitted the engine to: what it lists word for word it answers, with its own clause first."""

from __future__ import annotations

from datetime import date

import pytest

from policies_kb.loader import load_pack
from policies_kb.retrieval.engine import Retriever

TODAY = date(2026, 3, 5)
PACK = "name: lixi\ntitle: 栗溪县\nlevel: county\nparent: guojia\nlanguages: [zh-CN]\n"
DOCUMENT = """\
---
id: banfa
title: 栗溪县救助办法
issuer: 栗溪县政府
effective_from: 2025-07-01
source: 县政府网站
---
## 一 护理补贴
schemes: [canji_huli]
aspect: how_much
asks: [残疾人护理补贴多少钱, 三级精神残疾补多少]

一级每人每月130元；二级每人每月105元；三级智力、精神残疾每人每月70元。

## 二 就业渐退
schemes: [dibao]
aspect: exit
asks: [上班以后低保还发吗, 渐退期多久]

就业后人均收入超过标准的，给8个月渐退期，渐退期内低保金照发。

## 三 低保申请
schemes: [dibao]
aspect: steps
asks: [低保到哪里申请, 低保到哪里交材料]

由户主向户籍所在地乡镇政府申请。
"""


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    packs = tmp_path_factory.mktemp("packs")
    (packs / "lixi/documents").mkdir(parents=True)
    (packs / "lixi/pack.yml").write_text(PACK, encoding="utf-8")
    (packs / "lixi/documents/banfa.md").write_text(DOCUMENT, encoding="utf-8")
    return Retriever(load_pack("lixi", packs), cache=tmp_path_factory.mktemp("cache"), by_sense=True)


@pytest.mark.parametrize(
    ("question", "clause"),
    [
        ("残疾人护理补贴多少钱", "一"),
        ("三级精神残疾补多少", "一"),
        ("上班以后低保还发吗", "二"),
        ("低保到哪里申请", "三"),
    ],
)
def test_a_question_listed_word_for_word_is_answered_by_its_clause(
    retriever: Retriever, question: str, clause: str
) -> None:
    answer = retriever.answer(question, today=TODAY)
    assert answer.answered
    assert (answer.citations[0].document, answer.citations[0].clause) == ("栗溪县救助办法", clause)
