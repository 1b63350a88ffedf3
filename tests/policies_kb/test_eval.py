"""The quality of the answers, held above fixed floors; and the checks a pack author runs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import main
from policies_kb.clauses import Clause
from policies_kb.retrieval.baselines import Baseline, answering, baselines, best_threshold
from policies_kb.retrieval.check import check_answers
from policies_kb.retrieval.evaluate import (
    STYLES,
    Question,
    Rate,
    by_scheme,
    by_style,
    chosen,
    figures,
    load_questions,
    measure,
)
from policies_kb.types import Answer, Citation
from tests.policies_kb.test_answers import pack, retriever

TODAY = date(2026, 11, 22)
PACKS = ("shifan-xian", "shifan-qu")
CONTRACT = {"answer_accuracy", "citation_recall_at_1", "refusal_precision", "refusal_recall", "n"}


@cache
def questions_of(name: str) -> tuple[Question, ...]:
    return load_questions(pack(name).files("eval.yml")[0])


def clauses_in_force(name: str) -> list[Clause]:
    return [
        clause
        for document in pack(name).documents
        for clause in document.clauses
        if clause.dated(TODAY) == "in_force"
    ]


def titles_of(name: str) -> dict[str, str]:
    return {document.id: document.title for document in pack(name).documents}


# The weaker pack's figures on the test part, less two to three points: below them a change has made the answers worse.
# They are not the aim (0.92, 0.92, 0.90, 0.90); whoever makes the answers better raises them.
FLOOR = {
    "answer_accuracy": 0.90,
    "citation_recall_at_1": 0.89,
    "refusal_precision": 0.88,
    "refusal_recall": 0.86,
}


@pytest.mark.parametrize("name", PACKS)
def test_answers_stay_above_their_floors_and_above_every_baseline(name: str) -> None:
    questions = chosen(questions_of(name), "test")
    ours = figures(measure(questions, lambda q: retriever(name).answer(q, today=TODAY), titles_of(name)))
    low = {key: rate.share for key, rate in ours.rates().items() if rate.share < FLOOR[key]}
    assert not low
    development = chosen(questions_of(name), "dev")
    for baseline in baselines(clauses_in_force(name)):
        never = figures(measure(questions, answering(baseline), titles_of(name)))
        threshold = best_threshold(baseline, development, titles_of(name))
        refusing = figures(measure(questions, answering(baseline, threshold), titles_of(name)))
        assert ours.answer_accuracy.share > never.answer_accuracy.share, baseline.name
        # Recall is only compared with a search that refuses as well: who answers everything also finds more.
        for figure in ("answer_accuracy", "citation_recall_at_1", "refusal_precision"):
            assert ours.rates()[figure].share > refusing.rates()[figure].share, (baseline.name, figure)


@pytest.mark.parametrize("name", PACKS)
def test_fresh_questions_are_many_in_every_style_and_a_quarter_has_no_answer(name: str) -> None:
    fresh = [question for question in questions_of(name) if not question.seen]
    assert len(fresh) >= 400
    assert sum(not question.clause for question in fresh) >= len(fresh) / 4
    styles = Counter(question.style for question in fresh)
    assert all(styles[style] >= 40 for style in STYLES), styles


@pytest.mark.parametrize("name", PACKS)
def test_every_scheme_with_a_clause_of_its_own_is_asked_about(name: str) -> None:
    asked = {
        scheme
        for question in questions_of(name)
        for reference in question.clause
        for document in pack(name).documents
        for clause in document.clauses
        if reference == f"{document.id} {clause.number}"
        for scheme in clause.schemes
    }
    assert {scheme for clause in clauses_in_force(name) for scheme in clause.schemes} <= asked


@pytest.mark.parametrize("name", PACKS)
def test_every_fact_expected_stands_in_a_clause_that_is_accepted(name: str) -> None:
    texts: dict[str, str] = {}
    for document in pack(name).documents:
        for clause in document.clauses:
            # Where this pack amends a clause of its parent, the amending clause is said with it.
            for reference in (
                f"{document.id} {clause.number}",
                *(f"{amended.document} {amended.clause}" for amended in clause.amends),
            ):
                texts[reference] = texts.get(reference, "") + clause.text
    wrong = [
        (question.q, fact)
        for question in questions_of(name)
        for fact in question.fact
        if not any(fact in texts[reference] for reference in question.clause)
    ]
    assert not wrong


@pytest.mark.parametrize("name", PACKS)
def test_half_of_the_fresh_questions_is_kept_for_the_test_and_none_that_was_tuned_on(name: str) -> None:
    fresh = [question for question in questions_of(name) if not question.seen]
    kept = chosen(questions_of(name), "test")
    assert 0.4 <= len(kept) / len(fresh) <= 0.6
    assert not any(question.seen for question in kept)
    assert sum(not question.clause for question in kept) >= len(kept) / 5


def test_the_split_is_decided_by_the_words_and_never_moves() -> None:
    assert [Question(q=q).split for q in ("低保怎么办", "低保去哪办")] == ["dev", "test"]
    assert Question(q="低保去哪办", clause=("jia 三",), style="elderly").split == "test"
    assert Question(q="低保去哪办", seen=True).split == "dev"


def test_no_question_of_the_evaluation_is_one_the_clauses_list() -> None:
    for name in PACKS:
        listed = {
            ask for document in pack(name).documents for clause in document.clauses for ask in clause.asks
        }
        assert {question.q for question in questions_of(name)} & listed == set()


def test_kb_eval_prints_exactly_the_contract() -> None:
    asked = ["kb", "eval", "--pack", "shifan-qu", "--split", "dev", "--style", "voice", "--json"]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0
    assert set(json.loads(result.stdout)) == CONTRACT


def test_kb_eval_details_stand_under_one_further_key() -> None:
    asked = ["kb", "eval", "--split", "dev", "--style", "dialect", "--json", "--details"]
    report = json.loads(CliRunner().invoke(main, asked).stdout)
    details = report.pop("details")
    assert set(report) == CONTRACT
    assert set(details["by_style"]) == {"dialect"}
    low, high = details["ours"]["answer_accuracy"]["interval"]
    assert low <= report["answer_accuracy"] <= high
    assert len(details["baselines"]) == 3
    assert details["sentence_vectors"] == retriever("shifan-xian").reads_sense(TODAY)


def test_kb_eval_measures_words_alone_on_request() -> None:
    asked = ["kb", "eval", "--split", "dev", "--style", "dialect", "--json", "--details", "--words-only"]
    report = json.loads(CliRunner().invoke(main, asked).stdout)
    assert report["details"]["sentence_vectors"] is False


def test_kb_eval_shows_tables_and_on_request_the_faults() -> None:
    shown = CliRunner().invoke(main, ["kb", "eval", "--split", "dev", "--style", "voice", "--faults"])
    assert shown.exit_code == 0
    for part in ("本系统", "BM25(词)", "BM25(二字)", "FTS5(三字)", "语音转写", "低保"):
        assert part in shown.stdout
    faults = [line for line in shown.stdout.splitlines() if line.startswith("· ")]
    asked = {question.q for question in chosen(questions_of("shifan-xian"), "dev", "voice")}
    assert len(faults) <= len(asked)
    assert all(line.removeprefix("· ").split(" → ")[0] in asked for line in faults)


def test_kb_eval_says_kindly_that_there_is_nothing_to_measure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.commands.kb_eval.load_questions", lambda path: (Question(q="好"),))
    result = CliRunner().invoke(main, ["kb", "eval", "--style", "voice"])
    assert result.exit_code == 1
    assert "--style" in result.output


# Known values: Wilson's interval at 95 %, as R's prop.test(correct = FALSE) gives it.
@pytest.mark.parametrize(
    ("hits", "cases", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (92, 100, 0.8500, 0.9589)],
)
def test_intervals_are_wilsons(hits: int, cases: int, low: float, high: float) -> None:
    assert Rate(hits, cases).interval() == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_hold_the_share_and_shrink_with_more_cases(counted: tuple[int, int]) -> None:
    hits, cases = counted
    low, high = Rate(hits, cases).interval()
    assert 0 <= low <= Rate(hits, cases).share <= high <= 1
    wider, closer = Rate(hits, cases), Rate(hits * 4, cases * 4)
    assert closer.interval()[1] - closer.interval()[0] < wider.interval()[1] - wider.interval()[0]


def test_a_rate_without_cases_claims_nothing() -> None:
    assert (Rate(0, 0).share, Rate(0, 0).interval()) == (0.0, (0.0, 1.0))


def _answer(text: str, *cited: tuple[str, str]) -> Answer:
    citations = tuple(
        Citation(document=document, clause=clause, scheme=None, quote=text, pack="p")
        for document, clause in cited
    )
    return Answer(answered=bool(cited), answer=text, citations=citations, confidence=1.0)


def test_figures_count_what_they_say() -> None:
    answers = {
        "对": _answer("满60岁，每月55元", ("甲办法", "三")),
        "依据在第二条": _answer("每月55元", ("乙办法", "一"), ("甲办法", "三")),
        "数不对": _answer("每月50元", ("甲办法", "三")),
        "不该拒": _answer("不知道"),
        "该拒": _answer("不知道"),
        "不该答": _answer("每月55元", ("甲办法", "三")),
    }
    asked = [
        Question(q=q, clause=("jia 三",), fact=("55元",), style="voice")
        for q in ("对", "依据在第二条", "数不对", "不该拒")
    ] + [Question(q=q) for q in ("该拒", "不该答")]
    judged = measure(asked, answers.__getitem__, {"jia": "甲办法", "yi": "乙办法"})
    found = figures(judged)
    assert (found.answer_accuracy.hits, found.answer_accuracy.cases) == (3, 6)
    assert (found.citation_recall_at_1.hits, found.citation_recall_at_1.cases) == (2, 4)
    assert (found.refusal_precision.hits, found.refusal_precision.cases) == (1, 2)
    assert (found.refusal_recall.hits, found.refusal_recall.cases) == (1, 2)
    assert [one.question.q for one in judged if one.fault] == ["依据在第二条", "数不对", "不该拒", "不该答"]
    assert {style: of.n for style, of in by_style(judged).items()} == {"voice": 4, "plain": 2}
    schemes = by_scheme(judged, {"jia 三": frozenset({"xinnongbao", "dibao"})})
    assert {scheme: of.n for scheme, of in schemes.items()} == {"xinnongbao": 4, "dibao": 4}


@pytest.fixture(scope="module")
def searches() -> tuple[Baseline, ...]:
    return baselines(clauses_in_force("shifan-xian"))


def test_baselines_find_a_clause_by_its_own_words(searches: tuple[Baseline, ...]) -> None:
    clause = clauses_in_force("shifan-xian")[0]
    for baseline in searches:
        found = baseline.best(clause.text)
        assert found is not None, baseline.name
        assert found.clause == clause, baseline.name


@given(st.text(max_size=60))
def test_baselines_take_any_text(searches: tuple[Baseline, ...], text: str) -> None:
    for baseline in searches:
        assert answering(baseline)(text).answered == (baseline.best(text) is not None)


def test_trigrams_find_no_word_of_two_characters(searches: tuple[Baseline, ...]) -> None:
    assert searches[2].best("低保") is None
    assert answering(searches[0])("低保").answered


def test_the_best_threshold_is_no_worse_than_any_other(searches: tuple[Baseline, ...]) -> None:
    asked = chosen(questions_of("shifan-xian"), "dev")[::7]
    titles = titles_of("shifan-xian")
    for baseline in searches:
        chosen_one = best_threshold(baseline, asked, titles)
        best = figures(measure(asked, answering(baseline, chosen_one), titles)).answer_accuracy.hits
        for other in (float("-inf"), 1.0, 4.0, 8.0, 16.0, float("inf")):
            rate = figures(measure(asked, answering(baseline, other), titles)).answer_accuracy
            assert rate.hits <= best, baseline.name


def test_the_shipped_packs_have_no_fault() -> None:
    result = CliRunner().invoke(main, ["kb", "check"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("glossary.yml", "schemes:\n  dibao: [低保]\n", None, "unknown: tekun"),
        ("glossary.yml", "aspects:\n  colour: [颜色]\n", 1, "unknown aspect colour"),
        ("glossary.yml", "synonym:\n  - [a, b]\n", 1, "correct its spelling"),
        (
            "eval.yml",
            "questions:\n  - {q: 几天, clause: [nianshen 九十九]}\n",
            2,
            "there is no clause 'nianshen 九十九'",
        ),
        ("eval.yml", "questions:\n  - {q: 几天}\n  - {q: 几天}\n", 3, "asked twice"),
        ("eval.yml", "questions: []\n", 1, "questions"),
    ],
)
def test_check_names_file_line_and_cure(
    tmp_path: Path, name: str, text: str, line: int | None, says: str
) -> None:
    (tmp_path / "glossary.yml").write_text("noise: []\n", encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-8")
    faulty = replace(pack("shifan-xian"), folders=(tmp_path,))
    found = [problem for problem in check_answers(faulty) if says in str(problem)]
    assert found
    if line is not None:
        assert (found[0].file.name, found[0].line) == (name, line)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ("parameters", "dibao_standard is 745, which the text does not give"),
        ("parameters", "dibao_standard * low_income_multiple is 1117.5, which the text does not give"),
        ("texts", "office.hours in pack.yml"),
    ],
)
def test_check_sees_that_clauses_and_parameters_disagree(changed: str, says: str) -> None:
    loaded = pack("shifan-xian")
    if changed == "texts":
        loaded = replace(loaded, texts={**loaded.texts, "office.hours": "全年无休"})
    else:
        standard = loaded.parameters["dibao_standard"]
        value = standard.values[0].model_copy(
            update={"value": {"urban": Decimal(745), "rural": Decimal(540)}}
        )
        other = standard.model_copy(update={"values": (value,)})
        loaded = replace(loaded, parameters={**loaded.parameters, "dibao_standard": other})
    found = [problem for problem in check_answers(loaded) if says in str(problem)]
    assert found
    assert found[0].file.suffix == ".md"
    assert found[0].line
    assert found[0].cure
