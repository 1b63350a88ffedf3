"""Plain text files in whatever encoding an office's computer wrote them."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from charset_normalizer import from_bytes

from policies_kb.ingest.read.limits import MAX_LINES, MAX_TEXT_BYTES, check_size
from policies_kb.ingest.types import Mark, SourceLine, UnreadableSource

_HAN = re.compile(r"[\u4e00-\u9fff]")
# The commonest characters of official Chinese, simplified and traditional: a right decoding has many of them.
_COMMON = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "是這為個國時來們對會發動產種後說經應與機關區縣鎮鄉實施標準條費補貼養險證報請審級應務員業設開長門間電話單總統計級組織辦"
    "县区市镇乡村级政府部门办法工作实施方案通知保障救助标准条件申请审核公示补贴元月年日第条款项及其或由按应当社会困难家庭低"
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ("utf-8", "gb18030", "big5hkscs", "utf-16-le", "utf-16-be")
# Right text scores 0.25-0.6 on this measure, a wrong decoding below 0.1.
_PLAUSIBLE = 0.12


def plausibility(text: str) -> float:
    """How likely the text is Chinese rightly decoded: share of common characters less odd ones, -1..1."""
    sample = text[:20_000]
    dense = [character for character in sample if not character.isspace()]
    if not dense:
        return 0.0
    common = sum(character in _COMMON for character in dense)
    ascii_ = sum(character.isascii() and character.isprintable() for character in dense)
    odd = sum(
        character == "\ufffd" or "\ue000" <= character <= "\uf8ff" or (ord(character) < 32)
        or "\x80" <= character <= "\x9f" for character in dense
    )  # fmt: skip
    # ASCII speaks neither for nor against Chinese.
    rest = max(1, len(dense) - ascii_)
    return (common - 5 * odd) / rest if common or odd else 0.0


def decode(data: bytes) -> tuple[str, str, bool]:
    """The text, the name of its encoding and whether that is certain.

    A byte order mark decides; else valid UTF-8 does (other encodings are almost never valid UTF-8 by chance); else the
    candidates are compared by how plausible the Chinese is, with charset-normalizer's guess among them.

    Raises:
        UnicodeError: no candidate decodes to plausible text.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding), encoding.removesuffix("-sig"), True
    try:
        valid = data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if "\x00" not in valid:
            return valid, "utf-8", True
    names = dict.fromkeys(_CANDIDATES)
    guess = from_bytes(data[:200_000]).best()
    if guess is not None:
        names[guess.encoding] = None
    scored = sorted(
        ((plausibility(text), name, text) for name in names if (text := _try(data, name)) is not None),
        key=lambda found: -found[0],
    )
    if not scored:
        raise UnicodeError("no encoding fits")
    best, name, text = scored[0]
    if best < _PLAUSIBLE and _HAN.search(text):
        # A file cut in the middle of a character, or with single broken bytes: read what can be read.
        raise UnicodeError("no encoding gives plausible Chinese")
    second = scored[1][0] if len(scored) > 1 else -1.0
    return text, name, best - second > 0.05


def _try(data: bytes, encoding: str) -> str | None:
    if encoding.startswith("utf-16") and len(data) % 2:
        return None
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        # A few broken bytes do not make the file unreadable: each becomes the replacement character, which is marked.
        text = data.decode(encoding, "replace")
        broken = text.count("\ufffd")
        return text if broken <= max(1, len(text) // 500) and error.start >= 0 else None
    except LookupError:
        return None


def read_text_file(path: Path, data: bytes) -> tuple[tuple[SourceLine, ...], tuple[str, ...]]:
    """Lines and notes of a text file.

    Raises:
        UnreadableSource: too large, or no encoding gives readable text.
    """
    check_size(path, len(data), MAX_TEXT_BYTES)
    try:
        text, encoding, certain = decode(data)
    except UnicodeError:
        raise UnreadableSource(
            path,
            "认不出这个文件的文字编码。",
            "请用记事本或 WPS 打开\uff0c看清文字没有乱码\uff0c再另存为 UTF-8 编码的 txt。",
        ) from None
    if _binary(text):
        raise UnreadableSource(path, "这不是文字文件。", "请换成 txt、docx、pdf 或照片再录入。")
    notes: tuple[str, ...] = () if encoding == "utf-8" else (f"文字编码是 {encoding}。",)
    if not certain:
        notes += ("文字编码是猜的\uff0c请先看看有没有乱码。",)
    return lines_of(path, text, doubt=not certain), notes


def lines_of(path: Path, text: str, *, doubt: bool = False) -> tuple[SourceLine, ...]:
    """The lines of one text, numbered from 1; a form feed begins a new page.

    Raises:
        UnreadableSource: more lines than any office document has.
    """
    lines: list[SourceLine] = []
    page = 1 if "\f" in text else None
    for number, raw in enumerate(re.split(r"\r\n|\r|\n|\u2028|\u2029|\x85", text), start=1):
        if number > MAX_LINES:
            raise UnreadableSource(path, f"文件超过 {MAX_LINES} 行。", "请把文件拆成几份\uff0c每份单独录入。")
        if page is not None:
            page += raw.count("\f")
        marks = (Mark("encoding", raw[:12], "有读不出的字\uff0c请对照原件。"),) if "\ufffd" in raw else ()
        lines.append(SourceLine(raw, number, page, marks=marks))
    while len(lines) > 1 and not lines[-1].text:
        lines.pop()
    if doubt and lines:
        first = lines[0]
        mark = Mark("encoding", first.text[:12], "文字编码是猜的\uff0c请看看全文有没有乱码。")
        lines[0] = SourceLine(first.text, first.line, first.page, marks=(*first.marks, mark))
    return tuple(lines)


def _binary(text: str) -> bool:
    sample = text[:4000]
    control = sum(ord(character) < 32 and character not in "\t\n\r\f" for character in sample)
    return control > max(2, len(sample) // 50)
