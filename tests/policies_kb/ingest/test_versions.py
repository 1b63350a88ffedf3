"""A newer version of a live document: what changed, and the old retired by date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies_kb.clauses import load_document
from policies_kb.ingest import review
from policies_kb.ingest.run import Ingest
from policies_kb.ingest.types import UnreadableSource
from policies_kb.ingest.versions import compare, word_changes
from policies_kb.loader import load_pack
from tests.policies_kb.ingest.making import METHOD, NOW, PACK, make_pack, repaired

BY = "李科员"
NEWER = [
    *METHOD[:6],
    "(一)80周岁以上的,每人每月80元。",
    "(二)90周岁以上的,每人每月100元。",
    "(三)100周岁以上的,每人每月300元。",
    "三、停发",
    "享受人去世的,从次月起停发。",
    "四、申请程序",
    *METHOD[9:11],
    "五、附则",
    "本办法自2026年4月1日起施行。",
    *METHOD[15:],
]


@dataclass(frozen=True)
class Part:
    number: str
    heading: str
    text: str


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A pack whose method of 2022 is live."""
    make_pack(tmp_path)
    (draft,) = Ingest(PACK, tmp_path).repaired(repaired(METHOD), now=NOW).drafts
    review.accept(PACK, draft.id, by=BY, packs_dir=tmp_path)
    return tmp_path


def live(packs: Path) -> str:
    (path,) = (packs / PACK / "documents").glob("*.md")
    return path.stem


def test_a_newer_version_is_recognised_and_compared_clause_by_clause(packs: Path) -> None:
    old = live(packs)
    (draft,) = Ingest(PACK, packs).repaired(repaired(NEWER), now=NOW).drafts
    assert draft.file.replaces == old
    assert draft.id != old
    found = review.compare_draft(PACK, draft.id, packs)
    assert found is not None
    first = found.changes[0]
    assert (first.kind, first.new_number, first.figures_gone, first.figures_new) == (
        "changed",
        "二(一)",
        ("50元",),
        ("80元",),
    )
    kinds = {(change.kind, change.old_number, change.new_number) for change in found.changes}
    assert ("new", None, "二(三)") in kinds
    assert ("new", None, "三") in kinds
    assert ("unchanged", "一", "一") in kinds
    assert ("unchanged", "三2", "四2") in kinds
    figures = [change.figures_changed for change in found.changes]
    assert figures == sorted(figures, reverse=True)


def test_acceptance_retires_the_old_on_the_day_before(packs: Path) -> None:
    old = live(packs)
    (draft,) = Ingest(PACK, packs).repaired(repaired(NEWER), now=NOW).drafts
    done = review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    assert (done.retired, done.retired_to) == (old, date(2026, 3, 31))
    pack = load_pack(PACK, packs)
    before, after = pack.document(old), pack.document(draft.id)
    assert before is not None
    assert after is not None
    assert {clause.dated(date(2026, 3, 31)) for clause in before.clauses} == {"in_force"}
    assert {clause.dated(date(2026, 4, 1)) for clause in before.clauses} == {"expired"}
    assert {clause.dated(date(2026, 3, 31)) for clause in after.clauses} == {"not_yet"}
    assert {clause.dated(date(2026, 4, 1)) for clause in after.clauses} == {"in_force"}


def test_what_still_names_the_old_document_is_said(packs: Path) -> None:
    old = live(packs)
    (packs / PACK / "parameters.yml").write_text(
        "parameters:\n  gaoling_80:\n    name: 八十岁津贴\n    unit: 元\n    values:\n"
        f"      - {{value: 50, effective_from: 2022-03-01, source: {{document: {old}, clause: 二(一)}}}}\n",
        encoding="utf-8",
    )
    (draft,) = Ingest(PACK, packs).repaired(repaired(NEWER), now=NOW).drafts
    done = review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    assert [line for line in done.referring if "parameters.yml" in line and "gaoling_80" in line]


def test_a_new_version_must_begin_after_the_old(packs: Path) -> None:
    old = live(packs)
    text = (packs / PACK / "documents" / f"{old}.md").read_text(encoding="utf-8")
    (draft,) = Ingest(PACK, packs).repaired(repaired(NEWER), now=NOW).drafts
    with pytest.raises(review.NotReplaceable, match="不早于"):
        review.accept(PACK, draft.id, by=BY, effective_from=date(2022, 3, 1), packs_dir=packs)
    assert (packs / PACK / "documents" / f"{old}.md").read_text(encoding="utf-8") == text


def test_clauses_with_an_end_of_their_own_do_not_outlive_their_document(packs: Path) -> None:
    old = packs / PACK / "documents" / f"{live(packs)}.md"
    text = old.read_text(encoding="utf-8")
    text = text.replace("aspect: steps\n", "aspect: steps\neffective_to: 2026-12-31\n", 1)
    text = text.replace("aspect: who\n", "aspect: who\neffective_to: 2025-12-31\n", 1)
    old.write_text(text, encoding="utf-8")
    (draft,) = Ingest(PACK, packs).repaired(repaired(NEWER), now=NOW).drafts
    review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    ends = {clause.effective_to for clause in load_document(old, pack=PACK).clauses}
    assert ends == {date(2026, 3, 31), date(2025, 12, 31)}


def test_which_document_is_replaced_can_be_said_by_hand(packs: Path) -> None:
    old = live(packs)
    texts = ["高龄老人津贴新规定", *NEWER[2:]]
    (draft,) = Ingest(PACK, packs).repaired(repaired(texts), now=NOW).drafts
    assert draft.file.replaces is None
    assert review.set_replaces(PACK, draft.id, old, by=BY, packs_dir=packs).file.replaces == old
    with pytest.raises(review.NotReplaceable, match="上级包"):
        review.set_replaces(PACK, draft.id, "nianshen", by=BY, packs_dir=packs)


def test_naming_a_document_that_is_not_there_is_refused(packs: Path) -> None:
    file = packs / "新办法.txt"
    file.write_text("\n".join(NEWER), encoding="utf-8")
    with pytest.raises(UnreadableSource, match="没有文件"):
        Ingest(PACK, packs).file(file, now=NOW, replaces="nothing")


def test_a_renumbered_clause_is_the_same_clause() -> None:
    old = [Part("三", "公示", "公示期不少于5个工作日。"), Part("四", "发放", "每月10日前发放到户。")]
    new = [
        Part("三", "核对", "先核对家庭经济状况再申请。"),
        Part("四", "公示", "公示期不少于7天。"),
        Part("五", "发放", "每月10日前发放到户。"),
    ]
    found = {
        (change.kind, change.old_number, change.new_number) for change in compare("a", old, "b", new).changes
    }
    assert found == {("new", None, "三"), ("changed", "三", "四"), ("unchanged", "四", "五")}


TEXTS = st.text(alphabet="低保标准每人每月元公示天不少于个工作日0123456789，。", max_size=40)


@given(TEXTS, TEXTS)
def test_the_way_from_old_to_new_holds_both_texts(old: str, new: str) -> None:
    steps = word_changes(old, new)
    assert "".join(text for step, text in steps if step != "insert") == old
    assert "".join(text for step, text in steps if step != "delete") == new


@given(
    st.lists(st.builds(Part, st.sampled_from(["一", "二", "二(一)"]), TEXTS, TEXTS), max_size=6),
    st.lists(st.builds(Part, st.sampled_from(["一", "三"]), TEXTS, TEXTS), max_size=6),
)
def test_every_clause_of_both_versions_is_told_once(old: list[Part], new: list[Part]) -> None:
    changes = compare("a", old, "b", new).changes
    assert sorted(one.old_number for one in changes if one.old_number) == sorted(part.number for part in old)
    assert sorted(one.new_number for one in changes if one.new_number) == sorted(part.number for part in new)
