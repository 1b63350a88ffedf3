"""How answering grows with the number of clauses: building, opening by mapping, answering, and the same questions put
to plain searches. Once by words alone, as a large pack answers before `jzt kb index`, and once with sentence vectors, as
it answers after it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import psutil

from bot.bench.corpus import VariedPack
from bot.bench.nearby import Nearby
from bot.bench.stats import percentile, summary
from policies_kb.clauses import Clause
from policies_kb.loader import load_pack
from policies_kb.retrieval.baselines import Bm25, Trigrams, words
from policies_kb.retrieval.engine import Retriever
from policies_kb.retrieval.evaluate import chosen, load_questions
from policies_kb.retrieval.glossary import load_glossary
from policies_kb.retrieval.senses import Senses
from policies_kb.retrieval.shelf import Shelf
from policies_kb.retrieval.store import Store
from policies_kb.retrieval.text import Reader
from policies_kb.retrieval.vectors import FOLDER, MANIFEST, keep
from policies_kb.retrieval.words import Words, in_memory

SIZES: Final = (1_000, 10_000, 100_000)
KINDS: Final = ("by_words", "by_sense")
_QUESTIONS: Final = 100
# Searches repeated with every clause scored in full, to see that leaving most of them out changes nothing.
_THOROUGH: Final = 25
# From so many clauses on they are read by several processes.
_WORTH_PROCESSES: Final = 5000
STEPS: Final = 5
_MIB: Final = 2**20


class BenchFailed(Exception):
    """A process of the bench ended; the message is the end of what it said."""


def scale(
    pack: str,
    packs_dir: Path | None,
    folder: Path,
    sizes: Sequence[int],
    today: date,
    progress: Callable[[], None],
) -> dict[str, Any]:
    """Build, open and ask for each number of clauses.

    Args:
        pack: the pack that is varied, and whose development questions are asked.
        packs_dir: where packs are; None: the shipped ones.
        folder: an empty folder for the indexes.
        sizes: numbers of clauses, smallest first.
        today: the day the questions are asked.
        progress: called after each of STEPS steps for each number.

    Raises:
        BenchFailed: the process that opens an index ended.
        policies_kb.loader.UnknownPack: there is no such pack.
        policies_kb.errors.DataFileError: a file of the pack is wrong.
    """
    asked = questions(pack, packs_dir)
    rows = []
    for count in sizes:
        place = folder / str(count)
        corpus = VariedPack(load_pack(pack, packs_dir), count, place)
        began = time.perf_counter()
        clauses = [clause for document in corpus.documents for clause in document.clauses]
        generated = round(time.perf_counter() - began, 2)
        row: dict[str, Any] = {
            "clauses": count, "asks": sum(len(clause.asks) for clause in clauses), "generate_s": generated,
        }  # fmt: skip
        for by_sense in (False, True):
            vectors = _vectors(corpus, clauses, place) if by_sense else {}
            built = _build(corpus, clauses, place, today, by_sense=by_sense)
            progress()
            asking = _in_fresh_process(pack, packs_dir, place, count, today, by_sense=by_sense)
            progress()
            row["by_sense" if by_sense else "by_words"] = {**vectors, **built, **asking}
        row["peers"] = _peers(clauses, asked)
        progress()
        rows.append(row)
    return {
        "questions": len(asked),
        "sizes": rows,
        "growth": {
            "clauses": rows[-1]["clauses"] / rows[0]["clauses"],
            **{kind: _growth(rows[0][kind], rows[-1][kind]) for kind in KINDS},
        },
    }


def _growth(first: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, float]:
    return {
        "build": _ratio(last["build_s"], first["build_s"]),
        "bytes": _ratio(last["bytes"], first["bytes"]),
        "open": _ratio(last["open_ms"], first["open_ms"]),
        "search_p50": _ratio(last["search"]["p50_ms"], first["search"]["p50_ms"]),
        "answer_p50": _ratio(last["answer"]["p50_ms"], first["answer"]["p50_ms"]),
        "search_cpu_p50": _ratio(last["search"]["cpu_p50_ms"], first["search"]["cpu_p50_ms"]),
        "answer_cpu_p50": _ratio(last["answer"]["cpu_p50_ms"], first["answer"]["cpu_p50_ms"]),
    }


def questions(pack: str, packs_dir: Path | None) -> list[str]:
    """The pack's development questions, evenly thinned; never those of the test part."""
    loaded = load_pack(pack, packs_dir)
    dev = [
        question.q
        for path in loaded.files("eval.yml")[:1]
        for question in chosen(load_questions(path), "dev")
    ]
    return dev[:: max(1, len(dev) // _QUESTIONS)][:_QUESTIONS] or ["低保怎么申请", "低保标准是多少"]


def _vectors(corpus: VariedPack, clauses: Sequence[Clause], folder: Path) -> dict[str, Any]:
    """Keep vectors of every text that has none, as `jzt kb index` does."""
    senses = Senses.open()
    texts = senses.unread(clauses)
    nearby = Nearby(senses.encoder, corpus.origins, clauses)
    sampled = nearby.sample(texts)
    began = time.perf_counter()
    keep(folder / FOLDER, nearby, texts, lambda count: None)
    size = sum(path.stat().st_size for path in (folder / FOLDER).iterdir())
    return {
        "unread": len(texts),
        "reading": sampled,
        "kept_s": round(time.perf_counter() - began, 2),
        "kept_bytes": size,
    }


def _build(
    corpus: VariedPack, clauses: Sequence[Clause], folder: Path, today: date, *, by_sense: bool
) -> dict[str, Any]:  # fmt: skip
    store = Store(folder)
    Words.open(store)
    # Read with the dictionary in memory: a start maps it, but very many texts are read faster so.
    reader = Reader(load_glossary(corpus.files("glossary.yml")), in_memory())
    workers = (psutil.cpu_count() or 1) if len(clauses) > _WORTH_PROCESSES else 1
    senses = Senses.open(corpus.files(MANIFEST)) if by_sense else None
    began, cpu = time.perf_counter(), _cpu_s()
    shelf = Shelf(corpus.name, corpus.version, lambda: clauses, reader, store, workers=workers, senses=senses)
    chosen_today = shelf.table.in_force(today)
    shelf.index(chosen_today)
    shelf.index(~chosen_today)
    return {
        "build_s": round(time.perf_counter() - began, 2),
        "build_cpu_s": round(_cpu_s() - cpu, 2),
        "workers": workers,
        "bytes": _bytes(folder, corpus.name),
    }


def _cpu_s() -> float:
    """Processor seconds of this process and of those it waited for."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _bytes(folder: Path, scope: str) -> int:
    """Of the clause table and of the two indexes written last."""
    newest = sorted(
        (entry for entry in folder.glob(f"{scope}.index.*") if entry.is_dir()),
        key=lambda entry: entry.stat().st_mtime,
    )[-2:]
    entries = [*newest, *(entry for entry in folder.glob(f"{scope}.clauses.*") if entry.is_dir())]
    return sum(path.stat().st_size for entry in entries for path in entry.iterdir())


def _peers(clauses: Sequence[Clause], asked: Sequence[str]) -> dict[str, Any]:
    cut = lru_cache(maxsize=None)(words)

    def cached(text: str) -> list[str]:
        # Variants share most of their lines; what is measured is the search, not jieba.
        return [word for line in text.split("\n") for word in cut(line)]

    found = {}
    for name, make in (
        ("bm25_words", lambda: Bm25("", cached, clauses)),
        ("fts5_trigram", lambda: Trigrams(clauses)),
    ):
        began = time.perf_counter()
        peer = make()
        built = time.perf_counter() - began
        asking = _timed(partial(peer.best, question) for question in asked)
        found[name] = {"build_s": round(built, 2), **asking}
    return found


def _in_fresh_process(
    pack: str, packs_dir: Path | None, folder: Path, count: int, today: date, *, by_sense: bool
) -> dict[str, Any]:  # fmt: skip
    arguments = {
        "pack": pack, "packs_dir": str(packs_dir) if packs_dir else None, "folder": str(folder), "count": count,
        "today": today.isoformat(), "by_sense": by_sense,
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603 - a fixed command
        [sys.executable, "-m", "bot.bench.retrieval", json.dumps(arguments)],
        capture_output=True, check=False, encoding="utf-8",
    )  # fmt: skip
    if done.returncode:
        raise BenchFailed(f"the process that opens {count} clauses ended:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def opened(
    pack: str, packs_dir: Path | None, folder: Path, count: int, today: date, *, by_sense: bool
) -> dict[str, Any]:  # fmt: skip
    """Open an index that stands in `folder` and ask; to be called in a process that did nothing else."""
    loaded = load_pack(pack, packs_dir)
    asked = questions(pack, packs_dir)
    corpus = VariedPack(loaded, count, folder)
    before = _memory()
    began = time.perf_counter()
    retriever = Retriever(corpus, cache=folder, by_sense=by_sense)
    retriever.warm(today)
    open_ms = (time.perf_counter() - began) * 1000
    at_open = _memory()
    began = time.perf_counter()
    retriever.answer("低保怎么申请", today=today)
    first_ms = (time.perf_counter() - began) * 1000
    answering = _timed(partial(retriever.answer, one, today=today) for one in asked)
    again = _timed(partial(retriever.answer, one, today=today) for one in asked)
    after = _memory()
    searching = _timed(partial(retriever.search, one, today=today) for one in asked)
    thorough = [
        retriever.search(one, today=today)[0].score
        == retriever.search(one, today=today, thorough=True)[0].score
        for one in asked[:: len(asked) // _THOROUGH or 1]
    ]
    return {
        "rebuilt": corpus.made,
        "reads_sense": retriever.reads_sense(today),
        "open_ms": round(open_ms, 1),
        "first_answer_ms": round(first_ms, 1),
        "answer": answering,
        "answer_again": again,
        "search": searching,
        "same_best_as_thorough": round(sum(thorough) / len(thorough), 3),
        "memory_mib": {
            "before": before,
            "opened": at_open,
            "answering": after,
            "added": round(after["rss"] - before["rss"], 1),
            "added_own": round(after["own"] - before["own"], 1),
        },
    }


def _timed(calls: Iterable[Callable[[], object]]) -> dict[str, Any]:
    """Latencies as they were waited for, and what of them this process computed: on a busy machine they differ."""
    waited, computed = [], []
    for call in calls:
        began, cpu = time.perf_counter(), time.process_time()
        call()
        computed.append((time.process_time() - cpu) * 1000)
        waited.append((time.perf_counter() - began) * 1000)
    return {**summary(waited), "cpu_p50_ms": round(percentile(computed, 0.5), 2)}


def _memory() -> dict[str, float]:
    """MiB of this process: `rss` all that is in memory, `own` of it what no other process can share (mapped files
    can be), `pss` with shared pages divided among those that share them."""
    found = psutil.Process().memory_full_info()
    shared = getattr(found, "shared", 0)
    sizes = {"rss": found.rss, "own": found.rss - shared, "pss": getattr(found, "pss", found.rss)}
    return {name: round(size / _MIB, 1) for name, size in sizes.items()}


def _ratio(one: float, other: float) -> float:
    return round(one / other, 2) if other else 0.0


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    result = opened(
        given["pack"], Path(given["packs_dir"]) if given["packs_dir"] else None, Path(given["folder"]),
        given["count"], date.fromisoformat(given["today"]), by_sense=given["by_sense"],
    )  # fmt: skip
    sys.stdout.write(json.dumps(result))
