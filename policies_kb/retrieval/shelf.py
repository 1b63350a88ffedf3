"""Where a pack's clause table and indexes come from: mapped from the cache folder, else built and put there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final, overload

import numpy as np

from policies_kb.clauses import Clause
from policies_kb.retrieval.index import Index
from policies_kb.retrieval.senses import Senses
from policies_kb.retrieval.spelling import Spelling, spelling_contents
from policies_kb.retrieval.store import Contents, Store
from policies_kb.retrieval.table import ClauseTable, Flags, Rows, table_contents
from policies_kb.retrieval.text import Reader
from policies_kb.retrieval.words import Words

# The code an index depends on: a change of any of it makes another index.
_CODE: Final = (
    "build.py",
    "glossary.py",
    "matters.py",
    "ragged.py",
    "senses.py",
    "spelling.py",
    "table.py",
    "text.py",
    "vectors.py",
    "words.py",
    "../clauses.py",
)
_LIBRARIES: Final = ("bm25s", "jieba", "opencc", "marisa-trie", "pypinyin")


class Shelf:
    """The clause table of one pack, and an index for each choice of its clauses. Safe to share between threads."""

    def __init__(
        self, pack: str, version: str, clauses: Callable[[], Iterable[Clause]], reader: Reader, store: Store, *,
        workers: int = 1, senses: Senses | None = None,
    ) -> None:  # fmt: skip
        """`version` stands for everything the clauses and the glossary say; `clauses` is called only to build, and
        `workers` processes read them then."""
        self._pack = pack
        self._reader = reader
        self._store = store
        self._workers = workers
        self._senses = senses
        self._key = f"{version} {fingerprint()}"
        self.table = ClauseTable(
            store.get(pack, "clauses", self._key, lambda: table_contents(list(clauses())))
        )
        self._indexes: dict[bytes, Index] = {}

    def index(self, chosen: Flags) -> Index:
        """The index over the chosen clauses; opened or built once for each choice."""
        packed = np.packbits(chosen).tobytes()
        if packed not in self._indexes:
            rows = np.flatnonzero(chosen)
            by = self._senses.key if self._senses else "words"
            key = f"{self._key} {by} {hashlib.sha256(packed).hexdigest()}"
            contents = self._store.get(self._pack, "index", key, lambda: self._built(rows))
            self._indexes[packed] = Index(
                contents, Chosen(self.table, rows), self._reader.rarity, self._senses
            )
        return self._indexes[packed]

    def spelling(self, words: Words) -> Spelling:
        """What all clauses spell."""
        key = f"{self._key} spelling"
        return Spelling(
            self._store.get(self._pack, "spelling", key, lambda: spelling_contents(self.table, words))
        )

    def _built(self, rows: Rows) -> Contents:
        # Imported here: a start that finds its index needs none of it.
        from policies_kb.retrieval.build import assemble, read_batches

        chosen = Chosen(self.table, rows)
        built = assemble(read_batches(chosen, self._reader, self._pack, self._workers), self.table, rows)
        vectors = self._senses.arrays(chosen) if self._senses else {}
        return Contents({**built.arrays, **vectors}, built.tries, built.facts)


class Chosen(Sequence[Clause]):
    """Some clauses of a table, in its order."""

    def __init__(self, table: ClauseTable, rows: Rows) -> None:
        self._table = table
        self._rows = rows

    @overload
    def __getitem__(self, at: int) -> Clause: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Clause]: ...

    def __getitem__(self, at: int | slice) -> Clause | Sequence[Clause]:
        if isinstance(at, slice):
            return Chosen(self._table, self._rows[at])
        return self._table[int(self._rows[at])]

    def __len__(self) -> int:
        return len(self._rows)


@cache
def fingerprint() -> str:
    """Changes with the code and the libraries that shape an index."""
    digest = hashlib.sha256()
    for name in _CODE:
        digest.update((Path(__file__).parent / name).read_bytes())
    for name in _LIBRARIES:
        digest.update(f"{name} {metadata.version(name)}".encode())
    return digest.hexdigest()[:16]
