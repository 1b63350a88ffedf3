"""What an author may want to know of a pack that has no fault: figures that have lapsed, questions listed twice, thin
lists of questions, facts of eval.yml no clause tells, documents nothing is said of in coverage.yml.

Nothing of it hinders a pack from being used; most of it makes answers worse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Final

from policies_kb.clauses import Clause, Document
from policies_kb.coverage import COVERAGE_FILE, Coverage
from policies_kb.errors import DataFileError, Problem
from policies_kb.pack import EXAMPLE, YES_NO, Pack
from policies_kb.retrieval.evaluate import Question, load_questions
from policies_kb.retrieval.glossary import GlossaryFile
from policies_kb.yamlfile import line_of, load_model, read_yaml

# Fewer listed questions than this, and a clause is hard to find.
_FEW_ASKS: Final = 3
# With fewer evaluation questions than this their mix says nothing.
_FEW_QUESTIONS: Final = 20
_UNANSWERABLE: Final = 0.25
# Sources of documents that were written here, after no original.
_NO_ORIGINAL: Final = (EXAMPLE, "由")
# So many things of one kind are named; of the rest only the number is told.
_NAMED: Final = 6


def notices(pack: Pack, covered: Coverage, today: date) -> tuple[Problem, ...]:
    """Notices on the pack's own files, not its ancestors'."""
    own = [document for document in pack.documents if document.path.parent.parent == pack.folders[0]]
    return (
        *_lapsed(pack, today),
        *_listed(own, today),
        *_questions(pack),
        *_unused_schemes(pack),
        *_not_covered(pack, own, covered),
    )


def _lapsed(pack: Pack, today: date) -> Iterator[Problem]:
    """Figures without a value today that clauses in force tell, or only rules use."""
    told = {True: set[str](), False: set[str]()}
    for document in pack.documents:
        for clause in document.clauses:
            names = {name.strip() for factors in clause.parameters for name in factors.split("*")}
            told[clause.dated(today) == "in_force"] |= names
    for key, parameter in pack.parameters.items():
        place = pack.places["parameter", key]
        if place.pack != pack.name or parameter.unit == YES_NO or not parameter.values or parameter.on(today):
            continue
        later = [value.effective_from for value in parameter.values if value.effective_from > today]
        ended = [value.effective_to for value in parameter.values if value.effective_to is not None]
        if later and not ended:
            what = f"has no value today: the first begins {min(later)}"
        elif ended and (key in told[True] or key not in told[False]):
            # What only clauses out of force tell has lapsed with them.
            what = f"has no value today: the last ended {max(ended)}"
        else:
            continue
        yield Problem(place.file, place.line, key, what, "add the value of today, with its date and source")


def _listed(documents: list[Document], today: date) -> Iterator[Problem]:
    """Questions listed at several clauses, and clauses that list few."""
    places: dict[str, list[Clause]] = defaultdict(list)
    for document in documents:
        for clause in document.clauses:
            if clause.dated(today) == "in_force":
                for ask in clause.asks:
                    places[ask].append(clause)
    for document in documents:
        here = [clause for clause in document.clauses if clause.dated(today) == "in_force"]
        again = [
            f"“{ask}”({'、'.join(dict.fromkeys(map(_place, found)))})"
            for ask, found in places.items()
            if len(found) > 1 and found[0].document_id == document.id and not _one_number(found)
        ]
        if again:
            what = f"{len(again)} questions are listed more than once: {_names(again)}"
            yield Problem(document.path, None, "asks", what, "leave each where its answer stands")
        few = [clause.number for clause in here if len(set(clause.asks)) < _FEW_ASKS]
        if few:
            what = f"{len(few)} clauses list fewer than {_FEW_ASKS} questions: {_names(few)}"
            yield Problem(document.path, None, "asks", what, "add how residents ask, in several tones")


def _one_number(found: list[Clause]) -> bool:
    """Whether they are several sections of one printed clause, which may well be asked for alike."""
    return len({(one.document_id, one.number) for one in found}) == 1 and len({one.line for one in found}) > 1


def _place(clause: Clause) -> str:
    return f"{clause.document_id} {clause.number}"


def _questions(pack: Pack) -> Iterator[Problem]:
    path = pack.folders[0] / "eval.yml"
    if not path.is_file():
        return
    try:
        questions = load_questions(path)
    except DataFileError:
        return
    data = None
    for at, question in enumerate(questions):
        gone = _untold(pack, question)
        if gone:
            data = read_yaml(path) if data is None else data
            what = f"no clause named here tells {_names(gone)}"
            yield Problem(
                path, line_of(data, ("questions", at)), "fact", what, "correct the fact or the clause"
            )
    honest = sum(not question.clause for question in questions)
    if len(questions) >= _FEW_QUESTIONS and honest < _UNANSWERABLE * len(questions):
        what = f"only {honest} of {len(questions)} questions have no answer in the pack"
        yield Problem(path, None, "questions", what, "let a quarter of them have none")


def _untold(pack: Pack, question: Question) -> list[str]:
    texts = []
    for reference in question.clause:
        name, _, number = reference.partition(" ")
        document = pack.document(name)
        for clause in document.find(number) if document else ():
            if clause.parameters:
                # The answer tells their values besides the text.
                return []
            texts.append(clause.text)
    return [fact for fact in question.fact if texts and not any(fact in text for text in texts)]


def _unused_schemes(pack: Pack) -> Iterator[Problem]:
    """Scheme ids only this pack's glossary knows, and nothing else of it uses: mostly misspelt ones."""
    path = pack.folders[0] / "glossary.yml"
    if pack.parent is None or not path.is_file():
        return
    try:
        own = load_model(path, GlossaryFile).schemes
        parents = {
            key
            for parent in pack.files("glossary.yml")
            if parent != path
            for key in load_model(parent, GlossaryFile).schemes
        }
    except DataFileError:
        return
    used = {scheme for document in pack.documents for clause in document.clauses for scheme in clause.schemes}
    data = read_yaml(path)
    for key in own:
        if key not in parents and key not in used and key not in pack.schemes:
            what = f"no clause and no scheme is about {key}"
            yield Problem(
                path,
                line_of(data, ("schemes", key)),
                f"schemes.{key}",
                what,
                "correct the id, or write the clause",
            )


def _not_covered(pack: Pack, own: list[Document], covered: Coverage) -> Iterator[Problem]:
    """Documents coverage.yml says nothing of, in a pack that has one; a pack without it is told once."""
    named = {plan.document for plan in covered.plans}
    left = [one.id for one in own if one.id not in named and not one.source.startswith(_NO_ORIGINAL)]
    path = pack.folders[0] / COVERAGE_FILE
    if left and path.is_file() and not covered.problems:
        yield Problem(
            path,
            None,
            "sources",
            f"says nothing of {_names(left)}",
            "list their clauses, see docs/pack-author.md",
        )
    elif left and pack.parent is not None and not path.is_file():
        yield Problem(
            path,
            None,
            "",
            f"is not written: whether {len(left)} documents are complete is not checked",
            "see docs/pack-author.md",
        )


def _names(found: list[str]) -> str:
    rest = len(found) - _NAMED
    return "、".join(found[:_NAMED]) + (f"…(+{rest})" if rest > 0 else "")
