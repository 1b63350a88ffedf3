"""The whole way of one file: read, repair, split, draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from policies_kb.clauses import Document, load_document
from policies_kb.errors import DataFileError
from policies_kb.ingest.build import Made, build
from policies_kb.ingest.draft import Draft, DraftFile, Front
from policies_kb.ingest.draft_store import DraftStore
from policies_kb.ingest.propose import Proposer
from policies_kb.ingest.read import read
from policies_kb.ingest.repair import repair
from policies_kb.ingest.report import RepairReport, report
from policies_kb.ingest.types import LONG, Ocr, Progress, Repaired, UnreadableSource
from policies_kb.loader import pack_folders
from policies_kb.retrieval.glossary import load_glossary


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one file. `drafts` are the new ones; `known` are drafts of the same file made earlier."""

    path: Path
    sha256: str
    repairs: RepairReport
    drafts: tuple[Draft, ...]
    known: tuple[DraftFile, ...]
    notes: tuple[str, ...]


class Ingest:
    """Ingestion into one pack.

    Raises:
        UnknownPack, DataFileError: there is no such pack, or its pack.yml or glossary is wrong.
    """

    def __init__(self, pack: str, packs_dir: Path | None = None, *, ocr: Ocr | None = None) -> None:
        self.pack = pack
        folders = pack_folders(pack, packs_dir)
        self.store = DraftStore(folders[0])
        self._ocr = ocr
        glossaries = [path for folder in folders if (path := folder / "glossary.yml").is_file()]
        self._proposer = _proposer(tuple((path, path.stat().st_mtime_ns) for path in glossaries))
        self._documents = {path.stem for folder in folders for path in (folder / "documents").glob("*.md")}

    def file(
        self, path: Path, *, now: datetime, replaces: str | None = None, progress: Progress | None = None
    ) -> Ingested:
        """Draft every plan of one file. The same file (by SHA-256) a second time changes nothing.

        `replaces`: id of the live document this file is a newer version of; the file must hold one plan.

        Raises:
            UnreadableSource: the file cannot be read, or `replaces` does not fit; in plain Chinese with the cure.
        """
        tell = progress or (lambda step: None)
        if replaces is not None and not self._live_path(replaces).is_file():
            raise UnreadableSource(
                path,
                f"政策包“{self.pack}”自己没有文件“{replaces}”。",
                "用 jzt kb check 看有哪些文件；上级包的到上级包里换。",
            )
        tell("读取")
        source = read(path, ocr=self._ocr)
        tell("修复")
        return self.repaired(repair(source, tell), now=now, replaces=replaces, progress=tell)

    def repaired(
        self,
        repaired: Repaired,
        *,
        now: datetime,
        replaces: str | None = None,
        progress: Progress | None = None,
    ) -> Ingested:
        """Draft every plan of a file that was read and repaired already; see `file`."""
        tell = progress or (lambda step: None)
        source = repaired.source
        figures = report(repaired)
        if not repaired.kept:
            raise UnreadableSource(
                source.path, "文件里没有可用的文字。", "看看是不是空文件，或换一份清楚的。"
            )
        with self.store.locked():
            tell("拆分")
            known = tuple(
                file
                for draft_id in self.store.ids()
                if (file := self.store.details(draft_id)).source.sha256 == source.sha256
            )
            if known and len(known) >= known[0].source.plans:
                return Ingested(source.path, source.sha256, figures, (), known, source.notes)
            made = self._built(repaired, source.path, now, replaces, tell)
            there = {file.source.plan for file in known}
            fresh = [new for new in made if new.draft.file.source.plan not in there]
            tell("保存")
            for at, new in enumerate(fresh, start=1):
                if len(new.draft.file.clauses) > LONG:
                    tell(f"保存，第 {at}/{len(fresh)} 篇，{len(new.draft.file.clauses)} 条")
                self.store.add(new.draft, new.original)
        drafts = tuple(new.draft for new in fresh)
        return Ingested(source.path, source.sha256, figures, drafts, known, source.notes)

    def _built(
        self, repaired: Repaired, path: Path, now: datetime, replaces: str | None, tell: Progress
    ) -> list[Made]:
        taken = {*self._documents, *self.store.ids()}
        made = build(repaired, self._proposer, pack=self.pack, taken=taken, now=now, progress=tell)
        if replaces is not None and len(made) != 1:
            raise UnreadableSource(
                path, f"这个文件里有 {len(made)} 篇，不知道哪一篇接替“{replaces}”。",
                "先不写 --replaces 录入，再用 jzt kb review replaces 逐篇指定。",
            )  # fmt: skip
        return [self._with_predecessor(one, replaces) for one in made]

    def _with_predecessor(self, made: Made, replaces: str | None) -> Made:
        front = made.draft.document.front
        why = "录入时指定"
        if replaces is None:
            replaces, why = self._predecessor(front)
        if replaces is None:
            return made
        file = made.draft.file.model_copy(update={"replaces": replaces, "replaces_why": why})
        return Made(Draft(file=file, document=made.draft.document), made.original)

    def _predecessor(self, front: Front) -> tuple[str | None, str]:
        """The live document of the same number or title, the latest one, if there is one."""
        found: list[tuple[Document, str]] = []
        for path in sorted((self.store.pack_folder / "documents").glob("*.md")):
            try:
                document = load_document(path, pack=self.pack)
            except DataFileError:
                continue
            if front.number is not None and document.number == front.number:
                found.append((document, f"文号相同：{front.number}"))
            elif document.title == front.title:
                found.append((document, "标题相同"))
        if not found:
            return None, ""
        document, why = max(found, key=lambda one: one[0].effective_from)
        return document.id, why

    def _live_path(self, document_id: str) -> Path:
        return self.store.pack_folder / "documents" / f"{document_id}.md"


@lru_cache(maxsize=4)
def _proposer(glossaries: tuple[tuple[Path, int], ...]) -> Proposer:
    """A proposer for glossary files, kept while they stay as they are: reading them takes a second."""
    return Proposer(load_glossary([path for path, _ in glossaries]))
