"""All clauses of a pack with what they are chosen by (dates, schemes, aspect) in columns, so that nothing goes through
a hundred thousand clauses one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final, get_args, overload

import numpy as np
import numpy.typing as npt

from policies_kb.clauses import Aspect, Clause
from policies_kb.retrieval.store import Contents

Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

ASPECTS: Final[tuple[str, ...]] = get_args(Aspect)
# Clauses kept as objects once they were read from the table.
_KEPT: Final = 4096


class ClauseTable(Sequence[Clause]):
    """The clauses of a pack in the order of its documents. Immutable; safe to share.

    A clause is made when it is asked for: `table[at]` costs some 20 microseconds the first time.
    """

    def __init__(self, contents: Contents) -> None:
        self._arrays = contents.arrays
        self._starts = contents.arrays["starts"]
        self._text = contents.arrays["clauses"]
        self._scheme_at = {scheme: at for at, scheme in enumerate(contents.facts["schemes"])}
        self._clause = lru_cache(maxsize=_KEPT)(self._made)
        self.schemes = frozenset(self._scheme_at)
        """Every scheme that any clause is about."""
        self.amending: tuple[Clause, ...] = tuple(self[at] for at in contents.facts["amending"])
        """The clauses that amend another, in order."""
        self.disagreeing = tuple((self[one], self[other]) for one, other in contents.facts["disagreeing"])
        """Pairs of clauses of which the first says that the other settles the same thing otherwise."""
        self.figured: tuple[int, ...] = tuple(contents.facts["figured"])
        """The places of the clauses that name parameters."""

    @overload
    def __getitem__(self, at: int) -> Clause: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Clause]: ...

    def __getitem__(self, at: int | slice) -> Clause | Sequence[Clause]:
        if isinstance(at, slice):
            return [self._clause(one) for one in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self._clause(int(at) % len(self))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def in_force(self, today: date) -> Flags:
        """For each clause whether it is in force on `today`."""
        day = today.toordinal()
        return np.asarray((self._arrays["begins"] <= day) & (day <= self._arrays["ends"]))

    def about(self, schemes: frozenset[str] | None, aspects: Collection[str]) -> Iterator[Clause]:
        """The clauses of these aspects that are about any of `schemes`, in order.

        An empty set of schemes asks for the clauses that are about none, None for all.
        """
        wanted = [at for at, aspect in enumerate(ASPECTS) if aspect in aspects]
        fits = np.isin(self._arrays["aspect"], wanted)
        if schemes is not None:
            about = self._arrays["about"]
            known = [self._scheme_at[scheme] for scheme in sorted(schemes & self.schemes)]
            fits &= about[known].any(axis=0) if schemes else ~about.any(axis=0)
        for at in np.flatnonzero(fits):
            yield self[int(at)]

    def columns(self, rows: Rows) -> dict[str, npt.NDArray[Any]]:
        """What an index needs of some clauses: `aspect` (numbers of ASPECTS), `about` (one row a scheme, in the order of
        `scheme_names`), `schemed` (about any scheme) and `document` (numbers of their documents)."""
        about = self._arrays["about"][:, rows]
        return {
            "aspect": self._arrays["aspect"][rows],
            "about": about,
            "schemed": np.asarray(about.any(axis=0)),
            "document": self._arrays["document"][rows],
        }

    @property
    def scheme_names(self) -> list[str]:
        """The schemes in the order of the rows of `about`."""
        return list(self._scheme_at)

    def _made(self, at: int) -> Clause:
        begin, end = int(self._starts[at]), int(self._starts[at + 1])
        return Clause.model_validate_json(self._text[begin:end].tobytes())


def _meant(clauses: Sequence[Clause], clause: Clause, found: Sequence[int]) -> list[int]:
    """Of the sections that carry the number a clause says it disagrees with, those that are meant.

    A printed clause may settle several things, each a section: meant are those that point back; where none does,
    those of the same aspect.
    """
    here = (clause.document_id, clause.number)
    back = [at for at in found if here in {(mark.document, mark.clause) for mark in clauses[at].disagrees}]
    return back or [at for at in found if clauses[at].aspect == clause.aspect]


def table_contents(clauses: Sequence[Clause]) -> Contents:
    """The columns of a table, to be kept."""
    texts = [clause.model_dump_json().encode() for clause in clauses]
    schemes = sorted({scheme for clause in clauses for scheme in clause.schemes})
    about = np.zeros((len(schemes), len(clauses)), dtype=np.bool_)
    number = {scheme: at for at, scheme in enumerate(schemes)}
    for at, clause in enumerate(clauses):
        about[[number[scheme] for scheme in clause.schemes], at] = True
    places: dict[tuple[str, str], list[int]] = {}
    for at, clause in enumerate(clauses):
        places.setdefault((clause.document_id, clause.number), []).append(at)
    disagreeing = [
        (at, other)
        for at, clause in enumerate(clauses)
        for reference in clause.disagrees
        for other in _meant(clauses, clause, places.get((reference.document, reference.clause), ()))
    ]
    last = date.max.toordinal()
    begins = [clause.effective_from.toordinal() for clause in clauses]
    ends = [clause.effective_to.toordinal() if clause.effective_to else last for clause in clauses]
    aspect = {name: at for at, name in enumerate(ASPECTS)}
    document: dict[str, int] = {}
    for clause in clauses:
        document.setdefault(clause.document_id, len(document))
    return Contents(
        arrays={
            "clauses": np.frombuffer(b"".join(texts), dtype=np.uint8),
            "starts": np.cumsum([0, *map(len, texts)], dtype=np.int64),
            "begins": np.array(begins, dtype=np.int32),
            "ends": np.array(ends, dtype=np.int32),
            "aspect": np.array([aspect[clause.aspect] for clause in clauses], dtype=np.uint8),
            "about": about,
            "document": np.array([document[clause.document_id] for clause in clauses], dtype=np.int32),
        },
        facts={
            "schemes": schemes,
            "amending": [at for at, clause in enumerate(clauses) if clause.amends],
            "disagreeing": disagreeing,
            "figured": [at for at, clause in enumerate(clauses) if clause.parameters],
        },
    )
