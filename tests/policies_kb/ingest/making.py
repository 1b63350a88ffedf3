"""Repaired files made by hand, and a small pack to draft into."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from policies_kb.ingest.types import Mark, Repair, Repaired, RepairedLine, Source, SourceLine

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PACK = "ceshi-xian"

METHOD = (
    "示范县高龄津贴发放办法",
    "示民发〔2022〕12号",
    "为做好高龄津贴发放工作,制定本办法。",
    "一、发放对象",
    "具有本县户籍、年满80周岁的老年人。",
    "二、发放标准",
    "(一)80周岁以上的,每人每月50元。",
    "(二)90周岁以上的,每人每月100元。",
    "三、申请程序",
    "1.申请。本人向村(居)委会提出申请,填写申请表。",
    "2.审核。乡镇应当在5个工作日内审核。",
    "四、组织领导",
    "各乡镇要高度重视,加强领导。",
    "五、附则",
    "本办法自2022年3月1日起施行,有效期5年。",
    "示范县民政局",
    "2022年2月20日",
)


def repaired(
    texts: Sequence[str],
    *,
    name: str = "办法.txt",
    marks: dict[int, Mark] | None = None,
    dropped: dict[int, str] | None = None,
    repairs: dict[int, Repair] | None = None,
) -> Repaired:
    """A repaired file of these lines; marks, reasons of dropping and repairs by 1-based line."""
    sha256 = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    source = Source(
        Path(name), "txt", sha256, tuple(SourceLine(text, at) for at, text in enumerate(texts, start=1))
    )
    lines = tuple(
        RepairedLine(
            text, (repairs or {})[at].before if at in (repairs or {}) else text, at,
            repairs=((repairs or {})[at],) if at in (repairs or {}) else (),
            marks=((marks or {})[at],) if at in (marks or {}) else (), dropped=(dropped or {}).get(at),
        )
        for at, text in enumerate(texts, start=1)
    )  # fmt: skip
    return Repaired(source, lines)


def make_pack(packs: Path, documents: dict[str, str] | None = None) -> Path:
    """A pack of one file that inherits everything else, with these documents; returns its folder."""
    folder = packs / PACK
    (folder / "documents").mkdir(parents=True)
    (folder / "pack.yml").write_text(
        f"name: {PACK}\ntitle: 测试县\nlevel: county\nparent: guojia\n", encoding="utf-8"
    )
    for document_id, text in (documents or {}).items():
        (folder / "documents" / f"{document_id}.md").write_text(text, encoding="utf-8")
    return folder
