"""The skeleton of a new pack: everything that can be inherited is, nothing is invented."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from policies_kb.authoring.schemas import modeline, write_schemas
from policies_kb.pack import Level

SCHEMAS: Final = "schemas"
_SKELETON: Final = Path(__file__).parent / "skeleton"
_NAME: Final = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")


class PackExists(Exception):
    """A folder of this name is already there; nothing was written."""


@dataclass(frozen=True, slots=True)
class NewPack:
    """What is known of the place. Standards in yuan a person a month; what is None is the parent's, or left to be
    written later.

    Raises:
        ValueError: the name cannot be used, or half of what belongs together is missing; the words are the author's.
    """

    name: str
    title: str
    level: Level
    parent: str
    since: date
    office: str | None = None
    address: str | None = None
    hours: str | None = None
    phone: str | None = None
    hotline: str | None = None
    urban: Decimal | None = None
    rural: Decimal | None = None
    notice: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"{self.name!r} 不能作名字：请用小写字母、数字和横线，例如 mo-xian")
        window = (self.office, self.address, self.hours, self.phone)
        if any(window) and not all(window):
            raise ValueError("窗口的名称、地址、时间、电话要一起给")
        standard = (self.urban, self.rural, self.notice)
        if any(standard) and not all(standard):
            raise ValueError("城市标准、农村标准和公布标准的文件名要一起给")


def create(pack: NewPack, packs_dir: Path) -> tuple[Path, ...]:
    """Write the pack's folder and, beside it, the schemas its files name; the paths written.

    Raises:
        PackExists: there is a folder of this name already.
    """
    folder = packs_dir / pack.name
    packs_dir.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        raise PackExists(str(folder)) from None
    # YAML and Markdown, not HTML: escaping would change the office's words.
    templates = Environment(  # noqa: S701
        loader=FileSystemLoader(_SKELETON), undefined=StrictUndefined, keep_trailing_newline=True
    )
    templates.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    wanted = ["pack.yml", "parameters.yml", "glossary.yml", "eval.yml"]
    wanted += ["documents/bangong-xinxi.md"] if pack.office else []
    wanted += ["documents/biaozhun.md"] if pack.notice else []
    (folder / "documents").mkdir()
    known = {name: getattr(pack, name) for name in NewPack.__slots__}
    written = []
    for name in wanted:
        text = templates.get_template(f"{name}.j2").render(
            **known, modeline=lambda schema: modeline(schema, f"../{SCHEMAS}")
        )
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return (*written, *write_schemas(packs_dir / SCHEMAS))
