"""The quality of the answers, held above fixed floors; and the checks a pack author runs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from policies_kb.loader import load_pack
from policies_kb.retrieval.check import check_answers
from policies_kb.retrieval.evaluate import chosen, load_questions, measure
from tests.policies_kb.test_answers import pack, retriever

TODAY = date(2026, 11, 22)
FLOOR = {
    "answer_accuracy": 0.88,
    "citation_recall_at_1": 0.88,
    "refusal_precision": 0.9,
    "refusal_recall": 0.9,
}


@pytest.mark.parametrize("name", ["shifan-xian", "shifan-qu"])
def test_figures_stay_above_their_floors_and_above_plain_bm25(name: str) -> None:
    questions = chosen(load_questions(pack(name).files("eval.yml")[0]), "test")
    titles = {document.id: document.title for document in pack(name).documents}
    ours, _ = measure(questions, lambda q: retriever(name).answer(q, today=TODAY), titles)
    plain, _ = measure(questions, lambda q: retriever(name).baseline(q, today=TODAY), titles)
    assert ours.n >= 50
    assert ours.answer_accuracy >= FLOOR["answer_accuracy"]
    assert ours.citation_recall_at_1 >= FLOOR["citation_recall_at_1"]
    assert ours.refusal_precision >= FLOOR["refusal_precision"]
    assert ours.refusal_recall >= FLOOR["refusal_recall"]
    assert ours.answer_accuracy > plain.answer_accuracy


@pytest.mark.parametrize("name", ["shifan-xian", "shifan-qu"])
def test_questions_are_many_and_a_good_part_has_no_answer(name: str) -> None:
    questions = load_questions(pack(name).files("eval.yml")[0])
    silent = [question for question in questions if not question.clause]
    assert len(questions) >= 100
    assert len(silent) / len(questions) >= 0.25


def test_no_question_of_the_evaluation_is_one_the_clauses_list() -> None:
    for name in ("shifan-xian", "shifan-qu"):
        listed = {
            ask for document in pack(name).documents for clause in document.clauses for ask in clause.asks
        }
        asked = {question.q for question in load_questions(pack(name).files("eval.yml")[0])}
        assert asked & listed == set()


def test_kb_eval_prints_exactly_the_contract() -> None:
    result = CliRunner().invoke(main, ["kb", "eval", "--pack", "shifan-qu", "--split", "dev", "--json"])
    assert result.exit_code == 0
    assert set(json.loads(result.stdout)) == {
        "answer_accuracy", "citation_recall_at_1", "refusal_precision", "refusal_recall", "n",
    }  # fmt: skip


def test_the_shipped_packs_have_no_fault() -> None:
    result = CliRunner().invoke(main, ["kb", "check"])
    assert result.exit_code == 0, result.output


class _Faulty:
    """A pack whose glossary and questions are replaced by faulty files."""

    def __init__(self, folder: Path) -> None:
        loaded = load_pack("shifan-xian")
        self.name, self.documents, self.texts = loaded.name, loaded.documents, loaded.texts
        self.parameters = loaded.parameters
        self._folder = folder

    def files(self, name: str) -> tuple[Path, ...]:
        path = self._folder / name
        return (path,) if path.is_file() else ()


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("glossary.yml", "schemes:\n  dibao: [低保]\n", None, "unknown: tekun"),
        ("glossary.yml", "aspects:\n  colour: [颜色]\n", 1, "unknown aspect colour"),
        ("glossary.yml", "synonym:\n  - [a, b]\n", 1, "see docs"),
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
    found = [problem for problem in check_answers(_Faulty(tmp_path)) if says in str(problem)]
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
    loaded = load_pack("shifan-xian")
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
