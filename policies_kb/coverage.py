"""What of the source collections stands in a pack: `coverage.yml`, checked and told by `jzt kb check`.

The file lists, plan by plan and clause by clause, which of our sections gives a clause of the original, or why none
does. It is kept by hand, beside the documents, because "left out" is a judgement somebody has to answer for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from pydantic import ConfigDict, Field, model_validator

from policies_kb.clauses import Document
from policies_kb.errors import DataFileError, Problem
from policies_kb.sections import ClauseNumber
from policies_kb.types import Frozen
from policies_kb.yamlfile import line_of, load_model, read_yaml

COVERAGE_FILE = "coverage.yml"


class CoveredClause(Frozen):
    """One numbered clause of an original: the sections of our document that give it, or why none does."""

    # An editor asks for one of both as `_either` does.
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["as"]}, {"required": ["left_out"]}]})

    number: ClauseNumber = Field(min_length=1, description="number path as printed in the original")
    as_: tuple[ClauseNumber, ...] = Field(
        default=(), alias="as", description="section numbers of our document"
    )
    left_out: str = Field(default="", description="why no section gives it, in a few words")

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.as_) == bool(self.left_out):
            raise ValueError("give either as: [...] or left_out: why")
        return self


class CoveredPlan(Frozen):
    """One plan of a collection. Where it concerns no resident, only `why`."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"residents": {"const": True}}},
            "then": {"required": ["document", "clauses"]},
            "else": {"required": ["why"]},
        }
    )

    collection: str = Field(description="the collection, by number")
    plan: str = Field(min_length=2, description="title, as our document has it where there is one")
    place: str = Field(default="", description="where in the collection")
    residents: bool
    why: str = Field(default="", description="why it concerns no resident, or has no document")
    document: str | None = Field(default=None, description="id of our document")
    clauses: tuple[CoveredClause, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.residents and not (self.document and self.clauses):
            raise ValueError("a plan that concerns residents names its document and lists its clauses")
        if not self.residents and not self.why:
            raise ValueError("say why it concerns no resident")
        return self


class CoverageFile(Frozen):
    """`coverage.yml` of a pack."""

    sources: tuple[CoveredPlan, ...] = Field(min_length=1)


class CoveredPack(Protocol):
    """What the check needs of a pack (`policies_kb.pack.Pack` has it)."""

    @property
    def documents(self) -> tuple[Document, ...]: ...

    @property
    def folders(self) -> tuple[Path, ...]: ...


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was found: the plans in order, the schemes with clauses, and every fault."""

    plans: tuple[CoveredPlan, ...]
    schemes: tuple[str, ...]
    problems: tuple[Problem, ...]


def coverage(pack: CoveredPack) -> Coverage:
    """Read and check the pack's own coverage.yml; a pack without one has no plans.

    Faults: the file cannot be read, a document or section it names is not there, and a section of a document it
    speaks of that no clause of the original is said to stand behind.
    """
    schemes = tuple(
        sorted({scheme for one in pack.documents for clause in one.clauses for scheme in clause.schemes})
    )
    path = pack.folders[0] / COVERAGE_FILE
    if not path.is_file():
        return Coverage((), schemes, ())
    try:
        plans = load_model(path, CoverageFile).sources
    except DataFileError as error:
        return Coverage((), schemes, error.problems)
    return Coverage(plans, schemes, tuple(_problems(path, plans, pack)))


def _problems(path: Path, plans: tuple[CoveredPlan, ...], pack: CoveredPack) -> list[Problem]:
    data = read_yaml(path)
    documents = {document.id: document for document in pack.documents}
    given: dict[str, set[str]] = {}
    problems: list[Problem] = []
    for at, plan in enumerate(plans):
        if plan.document is None:
            continue
        document = documents.get(plan.document)
        if document is None:
            line = line_of(data, ("sources", at, "document"))
            what = f"the pack has no document {plan.document!r}"
            problems.append(Problem(path, line, "document", what, "correct the id"))
            continue
        for index, clause in enumerate(plan.clauses):
            given.setdefault(plan.document, set()).update(clause.as_)
            gone = [number for number in clause.as_ if not document.find(number)]
            if gone:
                line = line_of(data, ("sources", at, "clauses", index))
                what = f"{plan.document} has no section {', '.join(gone)}"
                problems.append(Problem(path, line, f"{clause.number}.as", what, "correct the number"))
    for name, numbers in given.items():
        for clause_ in documents[name].clauses:
            if clause_.number not in numbers:
                what = f"{clause_.number} {clause_.heading} stands behind no clause of the original"
                cure = f"add it to a clause of {COVERAGE_FILE}, or correct its number"
                problems.append(Problem(documents[name].path, clause_.line, clause_.number, what, cure))
    return problems
