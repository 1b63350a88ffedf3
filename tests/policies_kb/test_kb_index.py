"""`jzt kb index`: a pack of very many texts is read once, by a command, and never by a start."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

from bot.cli import main
from policies_kb.loader import load_pack
from policies_kb.retrieval import build
from policies_kb.retrieval import senses as sensing
from policies_kb.retrieval import vectors as keeping
from policies_kb.retrieval.encoder import SIZE, Floats
from policies_kb.retrieval.engine import Retriever
from policies_kb.retrieval.learned import unit
from policies_kb.retrieval.vectors import FOLDER, MANIFEST, Kept, Text, keep
from tests.support.encoders import ByHash

TODAY = date(2026, 11, 28)
PACK = "duoxian"
CLAUSES = 40
# What the test's pack lists and says, beside the few of its parent.
TEXTS = 3 * CLAUSES
HEAD = "---\nid: banfa\ntitle: 多县救助办法\nissuer: 多县民政局\nnumber: null\neffective_from: 2026-01-01\neffective_to: null\nsource: 造的\n---\n"


def clause(at: int, text: str = "补助") -> str:
    return f"""## 一{at} 第{at}种作物的{text}
aspect: how_much
asks: [种{at}号作物的补多少钱, {at}号地能领什么钱]

种{at}号作物的，每亩{text}{at}元。
"""


@pytest.fixture
def packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pack of more texts than a start reads, under a lowered limit."""
    folder = tmp_path / "packs" / PACK
    (folder / "documents").mkdir(parents=True)
    (folder / "pack.yml").write_text(
        f"name: {PACK}\ntitle: 多县\nlevel: county\nparent: guojia\n", encoding="utf-8"
    )
    (folder / "documents" / "banfa.md").write_text(
        HEAD + "\n".join(map(clause, range(1, CLAUSES + 1))), "utf-8"
    )
    monkeypatch.setenv("JZT_PACKS_DIR", str(tmp_path / "packs"))
    monkeypatch.setenv("JZT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("JZT_VAR", str(tmp_path / "var"))
    monkeypatch.setattr(sensing, "MOST_UNREAD", 10)
    monkeypatch.setattr(keeping, "SEGMENT", 16)
    return tmp_path / "packs"


@pytest.fixture
def by_hash(monkeypatch: pytest.MonkeyPatch) -> ByHash:
    made = ByHash()
    monkeypatch.setattr(sensing, "encoder", lambda: made)
    return made


def index(*more: str) -> Result:
    return CliRunner().invoke(main, ["kb", "index", "--pack", PACK, *more])


def indexed() -> dict[str, Any]:
    done = index("--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)[PACK]
    return found


def opened(packs: Path) -> Retriever:
    return Retriever(load_pack(PACK, packs), cache=packs.parent / "cache" / "index")


def test_a_start_reads_none_of_too_many_texts_the_command_reads_them_once(
    packs: Path, by_hash: ByHash, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert not opened(packs).reads_sense(TODAY)
    assert not by_hash.read
    assert "jzt kb index" in caplog.text

    first = indexed()
    assert first["read"] == len(by_hash.read) == len(set(by_hash.read)) > TEXTS
    assert (first["vectors"], first["kept"]) == (True, 0)

    by_hash.read.clear()
    assert (indexed()["read"], by_hash.read) == (0, [])
    later = opened(packs)
    assert later.reads_sense(TODAY)
    assert later.search("种7号作物的补多少钱", today=TODAY)[0].clause.number == "一7"
    assert len(by_hash.read) <= 1


def test_a_reader_opened_later_builds_nothing_and_maps_what_stands_there(
    packs: Path, by_hash: ByHash, monkeypatch: pytest.MonkeyPatch
) -> None:
    (packs.parent / "var").mkdir()
    done = indexed()
    assert done["folders"] == [str(packs.parent / "cache" / "index"), str(packs.parent / "var" / "index")]
    # Whoever builds from here on fails.
    monkeypatch.delattr(build, "assemble")
    for folder in map(Path, done["folders"]):
        retriever = Retriever(load_pack(PACK, packs), cache=folder)
        retriever.warm(TODAY)
        assert retriever.reads_sense(TODAY)
        assert isinstance(retriever._index(TODAY, True)._a["ask_vectors"].base, np.memmap)


class Stopped(ByHash):
    """Is stopped by Ctrl-C once it has read so many texts."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def questions(self, texts: Sequence[str]) -> Floats:
        if len(self.read) >= self.after:
            raise KeyboardInterrupt
        return super().questions(texts)


def test_what_was_read_before_an_interruption_is_not_read_again(
    packs: Path, by_hash: ByHash, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Stopped(after=50)
    monkeypatch.setattr(sensing, "encoder", lambda: stopped)
    done = index()
    assert done.exit_code == 1
    assert "接着做" in done.output
    assert not (packs / PACK / MANIFEST).exists()
    assert not opened(packs).reads_sense(TODAY)

    monkeypatch.setattr(sensing, "encoder", lambda: by_hash)
    found = indexed()
    assert found["kept"] == len(stopped.read)
    assert not set(by_hash.read) & set(stopped.read)
    assert opened(packs).reads_sense(TODAY)


def test_after_a_clause_was_edited_only_what_is_new_is_read(packs: Path, by_hash: ByHash) -> None:
    before = indexed()
    by_hash.read.clear()
    document = packs / PACK / "documents" / "banfa.md"
    document.write_text(document.read_text("utf-8").replace(clause(3), clause(3, "补贴")), "utf-8")
    # Few enough for a start to read by itself.
    assert opened(packs).reads_sense(TODAY)
    assert by_hash.read == ["第3种作物的补贴。种3号作物的,每亩补贴3元。"]
    found = indexed()
    assert (found["read"], found["kept"]) == (1, before["read"] - 1)


def test_a_damaged_file_is_said_and_its_texts_are_read_again(
    packs: Path, by_hash: ByHash, caplog: pytest.LogCaptureFixture
) -> None:
    indexed()
    by_hash.read.clear()
    segment = sorted((packs / PACK / FOLDER).glob("*.npz"))[0]
    segment.write_bytes(segment.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        assert indexed()["read"] == 16
    assert segment.name in caplog.text
    by_hash.read.clear()
    assert Retriever(load_pack(PACK, packs)).reads_sense(TODAY)
    assert not by_hash.read


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"by": "hash 1"}', b"\xff\xfe", b'{"by": "hash 1", "segments": 3}']
)
def test_a_damaged_manifest_costs_a_line_in_the_log_and_no_answer(
    packs: Path, by_hash: ByHash, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    indexed()
    (packs / PACK / MANIFEST).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert not opened(packs).reads_sense(TODAY)
    assert "manifest.json" in caplog.text
    assert indexed()["read"] == 0
    assert opened(packs).reads_sense(TODAY)


def test_vectors_of_another_encoder_do_not_count_and_go(
    packs: Path, by_hash: ByHash, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = indexed()
    files = set((packs / PACK / FOLDER).glob("*.npz"))
    assert files
    monkeypatch.setattr(by_hash, "name", "hash 2")
    assert not opened(packs).reads_sense(TODAY)
    assert indexed()["read"] == first["read"]
    assert Kept((packs / PACK / MANIFEST,), "hash 2").stamp
    assert not Kept((packs / PACK / MANIFEST,), "hash 1").stamp
    left = set((packs / PACK / FOLDER).glob("*.npz"))
    assert len(left) == len(files)
    assert not left & files


def test_two_at_once_are_not_let_in(packs: Path, by_hash: ByHash) -> None:
    folder = packs / PACK / FOLDER
    folder.mkdir()
    with FileLock(folder / ".lock"):
        done = index()
    assert done.exit_code == 1
    assert "另一个" in done.output
    assert not by_hash.read


def test_vectors_that_are_switched_off_are_not_made(packs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JZT_SENTENCE_VECTORS", "false")
    assert "JZT_SENTENCE_VECTORS" in index().output
    assert not (packs / PACK / FOLDER).exists()


def test_a_byte_a_column_is_near_enough(tmp_path: Path) -> None:
    texts = [Text(f"第{at}句", passage=bool(at % 2)) for at in range(50)]
    by = ByHash()
    keep(tmp_path / FOLDER, by, texts, lambda count: None)
    kept = Kept((tmp_path / MANIFEST,), by.name)
    numbers = np.array([text.number for text in texts], dtype=np.uint64)
    assert kept.has(numbers).all()
    assert not kept.has(numbers + np.uint64(1)).any()
    exact = np.array(
        [(by.passages if text.passage else by.questions)([text.text])[0] for text in texts], dtype=np.float32
    )
    assert kept.rows(numbers).shape == (50, SIZE)
    assert (unit(exact) * kept.rows(numbers)).sum(axis=1).min() > 0.999
