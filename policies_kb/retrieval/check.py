"""Checks of what answers are made of, beyond the loaders' own: references between files and known ids."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

from policies_kb.clauses import Clause, Document
from policies_kb.errors import DataFileError, Problem
from policies_kb.near import near
from policies_kb.pack import YES_NO, Parameter
from policies_kb.retrieval.engine import Corpus
from policies_kb.retrieval.evaluate import load_questions
from policies_kb.retrieval.glossary import Glossary, load_glossary
from policies_kb.yamlfile import line_of, read_yaml

_SEVERAL: Final = re.compile("[，、；;：]")


class CheckedPack(Corpus, Protocol):
    """What is checked against the clauses besides what the retriever needs (`policies_kb.pack.Pack` has it)."""

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...


def check_answers(pack: CheckedPack) -> list[Problem]:
    """Every fault in the pack's glossary, clauses and evaluation questions; empty when all is well."""
    problems: list[Problem] = []
    documents = {document.id: document for document in pack.documents}
    try:
        glossary = load_glossary(pack.files("glossary.yml"))
        problems.extend(_words(pack.files("glossary.yml")))
    except DataFileError as error:
        problems.extend(error.problems)
        glossary = None
    amended = {
        (reference.document, reference.clause)
        for document in pack.documents
        for clause in document.clauses
        for reference in clause.amends
    }
    for document in pack.documents:
        problems.extend(_clauses(document, documents, glossary))
        for clause in document.clauses:
            # What this pack amends keeps its parent's figure; the amending clause gives this pack's.
            if (clause.document_id, clause.number) not in amended:
                problems.extend(_figures(document, clause, pack))
    problems.extend(_units(pack))
    for path in pack.files("eval.yml")[:1]:
        problems.extend(_questions(path, documents))
    return problems


def _units(pack: CheckedPack) -> list[Problem]:
    """Figures a resident would read without a unit."""
    cure = f"write it, for example 元/人·月; pure numbers: 倍 or 比例; on (1) or off (0): {YES_NO}"
    places = [
        (key, pack.places["parameter", key]) for key, one in pack.parameters.items() if not one.unit.strip()
    ]
    return [
        Problem(place.file, place.line, f"{key}.unit", "the figure has no unit", cure)
        for key, place in places
    ]


def _words(paths: Sequence[Path]) -> list[Problem]:
    """Words of the pack's own glossary that hold several: typed with full-width commas, they are one word."""
    problems = []
    for path in paths[:1]:
        data = read_yaml(path) or {}
        rows = [(("synonyms", at), row) for at, row in enumerate(data.get("synonyms") or ())]
        rows += [(("schemes", key), row) for key, row in (data.get("schemes") or {}).items()]
        for where, row in rows:
            for word in map(str, row):
                if sign := _SEVERAL.search(word):
                    words = ", ".join(filter(None, _SEVERAL.split(word)))
                    field = ".".join(map(str, where))
                    what = f"the word {word!r} holds {sign[0]}"
                    problems.append(
                        Problem(path, line_of(data, where), field, what, f"write a word each: [{words}]")
                    )
    return problems


def _meant(said: str, glossary: Glossary) -> str:
    """The scheme ids an unknown one may stand for: what the glossary calls so, else ids written alike."""
    named = [
        concept.removeprefix("scheme:")
        for concept in glossary.concepts.get(said, ())
        if concept.startswith("scheme:")
    ]
    return f"; meant: {', '.join(named)}" if named else near(said, glossary.names)


def _clauses(document: Document, documents: dict[str, Document], glossary: Glossary | None) -> list[Problem]:
    problems = []
    for clause in document.clauses:
        unknown = [scheme for scheme in clause.schemes if glossary and scheme not in glossary.names]
        where = (document.path, clause.line)
        if unknown and glossary:
            cure = "correct the id or add it to glossary.yml" + _meant(unknown[0], glossary)
            problems.append(
                Problem(*where, f"{clause.number}.schemes", f"unknown: {', '.join(unknown)}", cure)
            )
        for field, references in (("amends", clause.amends), ("disagrees", clause.disagrees)):
            gone = [
                f"{reference.document} {reference.clause}"
                for reference in references
                if reference.document not in documents
                or not documents[reference.document].find(reference.clause)
            ]
            if gone:
                what = f"no such clause: {', '.join(gone)}"
                cure = "correct the reference" + near(
                    gone[0], (f"{one.id} {each.number}" for one in documents.values() for each in one.clauses)
                )
                problems.append(Problem(*where, f"{clause.number}.{field}", what, cure))
    return problems


def _figures(document: Document, clause: Clause, pack: CheckedPack) -> list[Problem]:
    """What a clause says it gives of parameters.yml and pack.yml, and does not."""
    problems = []
    where = (document.path, clause.line)
    for name in clause.parameters:
        field = f"{clause.number}.parameters"
        factors = [pack.parameters.get(one.strip()) for one in name.split("*")]
        if any(factor is None for factor in factors):
            problems.append(
                Problem(
                    *where,
                    field,
                    f"there is no parameter {name!r}",
                    "correct the name" + near(name, pack.parameters),
                )
            )
            continue
        wanted = {Decimal(1)}
        for factor in factors:
            wanted = {one * value for one in wanted for value in _values(factor, clause)}
        gone = sorted(f"{value.normalize():f}" for value in wanted if not _gives(clause.text, value))
        if gone:
            problems.append(
                Problem(
                    *where,
                    field,
                    f"{name} is {', '.join(gone)}, which the text does not give",
                    "make the text and parameters.yml agree",
                )
            )
    for key in clause.texts:
        said = pack.texts.get(key)
        if said is None or said not in clause.text:
            problems.append(
                Problem(
                    *where,
                    f"{clause.number}.texts",
                    f"the text of {key} in pack.yml is {said!r}, which the clause does not give",
                    "make the clause and pack.yml agree",
                )
            )
    return problems


def _values(parameter: Parameter | None, clause: Clause) -> set[Decimal]:
    """Every value the parameter has while the clause is in force."""
    found: set[Decimal] = set()
    for dated in parameter.values if parameter else ():
        ends_before = dated.effective_to is not None and dated.effective_to < clause.effective_from
        begins_after = clause.effective_to is not None and dated.effective_from > clause.effective_to
        if not ends_before and not begins_after:
            found |= set(dated.value.values()) if isinstance(dated.value, dict) else {dated.value}
    return found


def _gives(text: str, value: Decimal) -> bool:
    return re.search(rf"(?<![\d.]){re.escape(f'{value.normalize():f}')}(?![\d]|\.\d)", text) is not None


def _questions(path: Path, documents: dict[str, Document]) -> list[Problem]:
    try:
        questions = load_questions(path)
    except DataFileError as error:
        return list(error.problems)
    data = read_yaml(path)
    known = [
        f"{document.id} {clause.number}" for document in documents.values() for clause in document.clauses
    ]
    problems = []
    seen: dict[str, int] = {}
    for at, question in enumerate(questions):
        line = line_of(data, ("questions", at))
        if question.q in seen:
            problems.append(Problem(path, line, "q", "asked twice", "remove one"))
        seen[question.q] = at
        for reference in question.clause:
            name, _, number = reference.partition(" ")
            there = documents.get(name)
            if there is None or not there.find(number):
                problems.append(
                    Problem(
                        path,
                        line,
                        "clause",
                        f"there is no clause {reference!r}",
                        "write 'document-id number'" + near(reference, known),
                    )
                )
    return problems
