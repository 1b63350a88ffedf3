"""The person's part: marks are settled, drafts accepted or rejected, and nothing is live before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from policies_kb.ingest import review
from policies_kb.ingest.draft import Draft
from policies_kb.ingest.draft_store import DraftStore
from policies_kb.ingest.run import Ingest
from policies_kb.ingest.types import Mark
from policies_kb.loader import load_pack
from tests.policies_kb.ingest.making import METHOD, NOW, PACK, make_pack, repaired

BY = "李科员"
MASKED = [*METHOD[:14], "本办法自20xx年3月1日起施行,有效期5年。"]


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    make_pack(tmp_path)
    return tmp_path


def drafted(packs: Path, texts: list[str] | tuple[str, ...] = METHOD, **how: object) -> Draft:
    (draft,) = Ingest(PACK, packs).repaired(repaired(texts, **how), now=NOW).drafts  # type: ignore[arg-type]
    return draft


def document(packs: Path, draft: Draft) -> Path:
    return packs / PACK / "documents" / f"{draft.id}.md"


def test_an_accepted_draft_is_a_document_of_the_pack(packs: Path) -> None:
    draft = drafted(packs)
    done = review.accept(PACK, draft.id, by=BY, packs_dir=packs, now=NOW)
    assert (done.effective_from, done.effective_to, done.path) == (
        date(2022, 3, 1),
        date(2027, 2, 28),
        document(packs, draft),
    )
    found = load_pack(PACK, packs).document(draft.id)
    assert found is not None
    assert found.number == "示民发〔2022〕12号"
    assert [clause.number for clause in found.clauses] == ["一", "二(一)", "二(二)", "三1", "三2", "五"]
    kept = review.load_draft(PACK, draft.id, packs)
    assert kept.file.state == "accepted"
    assert (kept.file.log[-1].by, kept.file.log[-1].at) == (BY, NOW)


def test_acceptance_is_refused_while_marks_are_open_and_names_them(packs: Path) -> None:
    draft = drafted(packs, marks={7: Mark("missing_text", "50元", "看不清")})
    with pytest.raises(review.OpenMarks) as caught:
        review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    assert [mark.text for mark in caught.value.marks] == ["50元"]
    assert "看不清" in caught.value.message_zh
    assert not document(packs, draft).exists()


def test_a_mark_is_settled_by_the_right_words_and_by_whom(packs: Path) -> None:
    draft = drafted(packs, marks={7: Mark("missing_text", "50元", "看不清")})
    (mark,) = draft.open_marks
    changed = review.settle_mark(PACK, draft.id, mark.id, by=BY, text="55元", packs_dir=packs, now=NOW)
    assert changed.open_marks == ()
    assert "每人每月55元" in next(one for one in changed.document.sections if one.number == "二(一)").text
    settled = changed.file.marks[0].settled
    assert settled is not None
    assert (settled.by, settled.how, settled.text) == (BY, "replaced", "55元")
    review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    assert "每人每月55元" in document(packs, draft).read_text(encoding="utf-8")


def test_of_the_same_words_in_two_places_the_marked_one_is_replaced(packs: Path) -> None:
    texts = [*METHOD[:4], "20xx年起发给老人,20xx年止。", *METHOD[5:]]
    draft = drafted(packs, texts, marks={5: Mark("missing_year", "20xx", "隐去")})
    again = draft.file.model_copy(
        update={"marks": (*draft.file.marks, draft.file.marks[0].model_copy(update={"id": "m2"}))}
    )
    DraftStore(packs / PACK).save_details(again)
    changed = review.settle_mark(PACK, draft.id, "m2", by=BY, text="2025", packs_dir=packs)
    assert changed.document.sections[0].text == "20xx年起发给老人,2025年止。"
    changed = review.settle_mark(PACK, draft.id, "m1", by=BY, text="2022", packs_dir=packs)
    assert changed.document.sections[0].text == "2022年起发给老人,2025年止。"


def test_a_mark_confirmed_leaves_the_words(packs: Path) -> None:
    draft = drafted(packs, marks={7: Mark("missing_text", "50元", "看不清")})
    changed = review.settle_mark(PACK, draft.id, "m1", by=BY, packs_dir=packs)
    assert changed.open_marks == ()
    assert changed.document == draft.document


def test_words_that_are_gone_cannot_be_replaced(packs: Path) -> None:
    draft = drafted(packs, marks={7: Mark("missing_text", "50元", "看不清")})
    key = next(clause.key for clause in draft.file.clauses if clause.number == "二(一)")
    review.edit_clause(PACK, draft.id, key, {"text": "80周岁以上的按月发给。"}, by=BY, packs_dir=packs)
    with pytest.raises(review.UnknownMark):
        review.settle_mark(PACK, draft.id, "m1", by=BY, text="55元", packs_dir=packs)


def test_an_unknown_effective_date_must_be_given(packs: Path) -> None:
    texts = [line for line in METHOD if "起施行" not in line]
    draft = drafted(packs, texts)
    with pytest.raises(review.NoEffectiveDate):
        review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    done = review.accept(PACK, draft.id, by=BY, effective_from=date(2023, 1, 1), packs_dir=packs)
    assert done.effective_from == date(2023, 1, 1)


def test_the_end_follows_from_a_validity_in_years_once_the_beginning_is_known(packs: Path) -> None:
    draft = drafted(packs, [*MASKED, "示范县民政局", "2022年2月20日"])
    with pytest.raises(review.OpenMarks):
        review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    done = review.accept(PACK, draft.id, by=BY, effective_from=date(2022, 3, 1), packs_dir=packs)
    assert (done.effective_from, done.effective_to) == (date(2022, 3, 1), date(2027, 2, 28))


def test_a_missing_office_must_be_filled_in(packs: Path) -> None:
    draft = drafted(packs, METHOD[:15])
    (mark,) = draft.open_marks
    assert mark.kind == "issuer_unknown"
    with pytest.raises(review.BadValue):
        review.settle_mark(PACK, draft.id, mark.id, by=BY, packs_dir=packs)
    changed = review.settle_mark(PACK, draft.id, mark.id, by=BY, text="示范县民政局", packs_dir=packs)
    assert changed.document.front.issuer == "示范县民政局"
    assert changed.open_marks == ()


def test_a_clause_left_out_can_be_taken_in_and_stands_in_its_place(packs: Path) -> None:
    draft = drafted(packs)
    left = next(clause for clause in draft.file.clauses if clause.number == "四")
    changed = review.edit_clause(PACK, draft.id, left.key, {}, by=BY, keep=True, packs_dir=packs)
    assert [one.number for one in changed.document.sections] == [
        "一",
        "二(一)",
        "二(二)",
        "三1",
        "三2",
        "四",
        "五",
    ]
    again = review.edit_clause(PACK, draft.id, left.key, {}, by=BY, keep=False, packs_dir=packs)
    assert again.document == draft.document


def test_marks_of_a_clause_that_is_left_out_do_not_stand_in_the_way(packs: Path) -> None:
    draft = drafted(packs, marks={13: Mark("missing_text", "高度重视", "看不清")})
    assert draft.open_marks == ()
    left = next(clause for clause in draft.file.clauses if clause.number == "四")
    changed = review.edit_clause(PACK, draft.id, left.key, {}, by=BY, keep=True, packs_dir=packs)
    assert [mark.text for mark in changed.open_marks] == ["高度重视"]


def test_a_draft_edited_by_hand_is_taken_as_it_is(packs: Path) -> None:
    draft = drafted(packs)
    path = packs / PACK / "drafts" / draft.id / "draft.md"
    path.write_text(
        path.read_text(encoding="utf-8").replace("每人每月50元", "每人每月60元"), encoding="utf-8"
    )
    review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    assert "每人每月60元" in document(packs, draft).read_text(encoding="utf-8")


def test_a_draft_that_makes_no_sound_document_changes_nothing(packs: Path) -> None:
    draft = drafted(packs)
    key = draft.file.clauses[1].key
    review.edit_clause(PACK, draft.id, key, {"schemes": ["no_such_scheme"]}, by=BY, packs_dir=packs)
    before = load_pack(PACK, packs).version
    with pytest.raises(review.NotADocument) as caught:
        review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    assert "no_such_scheme" in caught.value.message_zh
    assert not document(packs, draft).exists()
    assert load_pack(PACK, packs).version == before
    assert review.load_draft(PACK, draft.id, packs).file.state == "open"


def test_a_rejected_draft_stays_with_its_reason_and_can_be_taken_up_again(packs: Path) -> None:
    draft = drafted(packs)
    review.reject(PACK, draft.id, by=BY, why="已经废止", packs_dir=packs, now=NOW)
    assert review.list_drafts(PACK, packs) == ()
    (listed,) = review.list_drafts(PACK, packs, state="rejected")
    assert listed.id == draft.id
    with pytest.raises(review.AlreadyDecided, match="已经退回"):
        review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    review.reopen(PACK, draft.id, by="王科长", packs_dir=packs)
    review.accept(PACK, draft.id, by=BY, packs_dir=packs)
    log = review.load_draft(PACK, draft.id, packs).file.log
    assert [(entry.by, entry.what.split("：")[0]) for entry in log[1:3]] == [
        (BY, "不收"),
        ("王科长", "重新打开"),
    ]


def test_what_is_wrong_is_said_in_plain_words(packs: Path) -> None:
    draft = drafted(packs)
    with pytest.raises(review.UnknownDraft, match="没有草稿"):
        review.load_draft(PACK, "nothing", packs)
    with pytest.raises(review.UnknownMark):
        review.settle_mark(PACK, draft.id, "m99", by=BY, packs_dir=packs)
    with pytest.raises(review.UnknownClause):
        review.edit_clause(PACK, draft.id, 99, {}, by=BY, packs_dir=packs)
    with pytest.raises(review.BadValue, match="谁"):
        review.reject(PACK, draft.id, by=" ", why="不要", packs_dir=packs)
    with pytest.raises(review.BadValue, match="理由"):
        review.reject(PACK, draft.id, by=BY, why=" ", packs_dir=packs)
    with pytest.raises(review.BadValue, match="aspect"):
        review.edit_clause(PACK, draft.id, 2, {"aspect": "nonsense"}, by=BY, packs_dir=packs)
    with pytest.raises(review.BadValue, match="没有这一项"):
        review.edit_front(PACK, draft.id, {"colour": "red"}, by=BY, packs_dir=packs)
