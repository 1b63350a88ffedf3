"""Photographs and scans, read by OCR. Each doubtful line carries a mark."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import replace
from pathlib import Path

import pi_heif  # type: ignore[import-untyped]
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from policies_kb.ingest.numbering import marker_at
from policies_kb.ingest.read.limits import MAX_OCR_PAGES, MAX_PIXELS
from policies_kb.ingest.read.pages import Printed, paragraphs
from policies_kb.ingest.types import Mark, Ocr, SourceLine, UnreadableSource

pi_heif.register_heif_opener()

# Below this score a person must look. On rendered scans with noise and 2-4 degrees, right lines score above 0.95.
DOUBTFUL = 0.90
_HEADING = re.compile("[\u3400-\u9fff、“”]{2,16}")
_SENTENCE = re.compile("[。\uff1b;\uff1a:]$")
_LONGEST_SIDE = 4000
_FORMATS = ("JPEG", "PNG", "HEIF", "WEBP", "TIFF", "BMP")
_NO_OCR = "请在这台电脑上装好文字识别\uff1a运行 make setup\uff08会装 rapidocr 和 onnxruntime\uff0c不用联网下载模型\uff09\uff0c或换成能选中文字的 PDF、docx 再录入。"


def recognised(path: Path, picture: bytes, ocr: Ocr | None, *, page: int) -> list[Printed]:
    """The printed lines of one picture.

    Raises:
        UnreadableSource: there is no OCR.
    """
    if ocr is None:
        raise UnreadableSource(path, "这是照片或扫描件\uff0c要用文字识别\uff0c现在没有装。", _NO_OCR)
    with Image.open(io.BytesIO(picture)) as image:
        width, height = image.size
    found = []
    for line in ocr.lines(picture):
        text = line.text.strip()
        if not text:
            continue
        left, top, right, _ = line.box
        why = f"机器识别这一行的把握是 {line.score:.0%}\uff0c请对照原件。"
        marks = (Mark("ocr", text, why),) if line.score < DOUBTFUL else ()
        found.append(Printed(text, page, left / width, right / width, top / height, marks=marks))
    return found


def read_picture(path: Path, data: bytes, ocr: Ocr | None) -> tuple[tuple[SourceLine, ...], tuple[str, ...]]:
    """Lines and notes of a photograph; a TIFF may hold several pages.

    Raises:
        UnreadableSource: damaged, too large to unpack, no OCR, or nothing to read in it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large(path)
                frames = [_upright(frame) for frame in _frames(path, image)]
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(path) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise UnreadableSource(
            path, "照片损坏了\uff0c打不开。", "请重新拍一张\uff0c或在手机上打开后另存为 jpg。"
        ) from error
    printed = [
        line for page, frame in enumerate(frames, start=1) for line in recognised(path, frame, ocr, page=page)
    ]
    lines = doubt_headings(paragraphs(printed, len(frames)))
    if not lines:
        raise UnreadableSource(path, "照片里没有认出文字。", "请把纸放平、放亮\uff0c对准再拍一张。")
    return lines, ("文字由机器识别。",)


def doubt_headings(lines: tuple[SourceLine, ...]) -> tuple[SourceLine, ...]:
    """Mark short lines that stand like a heading but carry no number, in text that is numbered.

    Noise can take the number of a heading. A gap in the sequence shows that, but not where the last one is lost.
    """
    body = [at for at, line in enumerate(lines) if line.part == "body"]
    result = list(lines)
    numbered = False
    for before, at, after in zip(body, body[1:], body[2:], strict=False):
        numbered = numbered or marker_at(lines[before].text) is not None
        text = lines[at].text
        alone = _HEADING.fullmatch(text) and marker_at(text) is None
        if (
            numbered
            and alone
            and _SENTENCE.search(lines[before].text)
            and _SENTENCE.search(lines[after].text)
        ):
            why = "这一行像标题\uff0c但没有编号\uff0c编号可能没认出来\uff0c请对照原件。"
            result[at] = replace(lines[at], marks=(*lines[at].marks, Mark("ocr", text, why)))
    return tuple(result)


def _frames(path: Path, image: Image.Image) -> list[Image.Image]:
    if getattr(image, "n_frames", 1) > MAX_OCR_PAGES:
        raise UnreadableSource(path, f"图片超过 {MAX_OCR_PAGES} 页。", "请拆成几份\uff0c每份单独录入。")
    if image.format != "TIFF":
        return [image]
    return [frame.copy() for frame in ImageSequence.Iterator(image)]


def _upright(image: Image.Image) -> bytes:
    """Turned as the camera noted, in grey or colour, not larger than what helps the recogniser."""
    turned = ImageOps.exif_transpose(image)
    if turned.mode in ("RGBA", "LA", "P"):
        rgba = turned.convert("RGBA")
        turned = Image.new("RGB", rgba.size, "white")
        turned.paste(rgba, mask=rgba.getchannel("A"))
    turned = turned.convert("RGB")
    turned.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    buffer = io.BytesIO()
    turned.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _too_large(path: Path) -> UnreadableSource:
    return UnreadableSource(
        path,
        f"照片太大\uff0c超过 {MAX_PIXELS // 1_000_000} 百万像素。",
        "请把照片缩小一些\uff0c或分成几张再录入。",
    )
