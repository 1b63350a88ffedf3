"""Checks of what answers are made of, beyond the loaders' own: references between files and known ids."""

from __future__ import annotations

from pathlib import Path

from policies_kb.clauses import Document
from policies_kb.errors import DataFileError, Problem
from policies_kb.retrieval.engine import Corpus
from policies_kb.retrieval.evaluate import load_questions
from policies_kb.retrieval.glossary import load_glossary
from policies_kb.yamlfile import line_of, read_yaml


def check_answers(pack: Corpus) -> list[Problem]:
    """Every fault in the pack's glossary, clauses and evaluation questions; empty when all is well."""
    problems: list[Problem] = []
    documents = {document.id: document for document in pack.documents}
    try:
        known = frozenset(load_glossary(pack.files("glossary.yml")).names)
    except DataFileError as error:
        problems.extend(error.problems)
        known = frozenset()
    for document in pack.documents:
        problems.extend(_clauses(document, documents, known))
    for path in pack.files("eval.yml")[:1]:
        problems.extend(_questions(path, documents))
    return problems


def _clauses(document: Document, documents: dict[str, Document], known: frozenset[str]) -> list[Problem]:
    problems = []
    for clause in document.clauses:
        unknown = [scheme for scheme in clause.schemes if known and scheme not in known]
        gone = [
            f"{reference.document} {reference.clause}"
            for reference in clause.amends
            if reference.document not in documents or not documents[reference.document].find(reference.clause)
        ]
        where = (document.path, clause.line)
        if unknown:
            cure = "correct the id or add it to glossary.yml"
            problems.append(
                Problem(*where, f"{clause.number}.schemes", f"unknown: {', '.join(unknown)}", cure)
            )
        if gone:
            field = f"{clause.number}.amends"
            problems.append(
                Problem(*where, field, f"no such clause: {', '.join(gone)}", "correct the reference")
            )
    return problems


def _questions(path: Path, documents: dict[str, Document]) -> list[Problem]:
    try:
        questions = load_questions(path)
    except DataFileError as error:
        return list(error.problems)
    data = read_yaml(path)
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
                        "write 'document-id number'",
                    )
                )
    return problems
