"""Text of photographs and scans by rapidocr (PP-OCR models on onnxruntime). The models ship in the wheel.

Offices have no way out of their network: nothing is downloaded at run time, and the headless OpenCV build needs no
graphics libraries. A page is straightened before it is read, and lines are put in reading order, two columns included.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image

_NEEDED = ("rapidocr", "onnxruntime", "cv2")
# Lines whose text is at least this much likelier read the right way up decide the quarter turn.
_UPRIGHT = 0.80
_TURNS = (0, 180, 90, 270)
_LEAST_SKEW = 0.7
_MOST_SKEW = 12.0


class OcrUnavailable(Exception):
    """OCR cannot run here. `message` is plain Chinese and says what to install."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """One line of text. score is 0..1; box is left, top, right, bottom in pixels of the given picture's size."""

    text: str
    score: float
    box: tuple[float, float, float, float]


class RapidOcr:
    """Recogniser, loaded once (about a second) at its first picture. Safe to share between threads."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._lock = threading.Lock()

    def lines(self, picture: bytes) -> tuple[RecognisedLine, ...]:
        """The lines of one picture (PNG or JPEG bytes) in reading order; empty where there is no text."""
        with Image.open(io.BytesIO(picture)) as opened:
            image = opened.convert("RGB")
        with self._lock:
            found, turned = self._upright(image)
            skew = _skew(found)
            if _LEAST_SKEW <= abs(skew) <= _MOST_SKEW:
                straight = turned.rotate(
                    skew, resample=Image.Resampling.BICUBIC, expand=True, fillcolor="white"
                )
                again = self._read(straight)
                if _weight(again) >= _weight(found):
                    found, turned = again, straight
        return tuple(_scaled(line, turned.size, image.size) for line in reading_order(found, turned.width))

    def _upright(self, image: Image.Image) -> tuple[list[_Box], Image.Image]:
        """The picture turned by the quarter turn at which it reads best, with its lines."""
        best: list[_Box] = []
        best_image = image
        for turn in _TURNS:
            turned = image.rotate(turn, expand=True) if turn else image
            found = self._read(turned)
            if turn == 0 and (not found or _well_read(found)):
                return found, turned
            if _weight(found) > _weight(best):
                best, best_image = found, turned
        return best, best_image

    def _read(self, image: Image.Image) -> list[_Box]:
        result = self._loaded()(np.asarray(image)[:, :, ::-1])
        if result.boxes is None or result.txts is None or result.scores is None:
            return []
        return [
            _Box(str(text), float(score), tuple((float(x), float(y)) for x, y in box))
            for text, score, box in zip(result.txts, result.scores, result.boxes, strict=True)
        ]

    def _loaded(self) -> Any:
        if self._engine is None:
            from rapidocr import RapidOCR

            # Its own classifier turns single lines, so an upside-down page would read well from the bottom up.
            self._engine = RapidOCR(
                params={
                    "Global.log_level": "error",
                    "Global.use_cls": False,
                    "Global.text_score": 0.3,
                    "Global.max_side_len": 2400,
                }
            )
        return self._engine


def open_ocr() -> RapidOcr:
    """The recogniser of this machine.

    Raises:
        OcrUnavailable: a package is missing; says which and how to install it.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise OcrUnavailable(
            f"这台电脑没有装文字识别\uff08缺 {'、'.join(missing)}\uff09\uff0c照片和扫描件读不了。"
            "请运行 make setup\uff0c或 pip install rapidocr onnxruntime。模型随软件包安装\uff0c不用另外下载。"
        )
    return RapidOcr()


@dataclass(frozen=True, slots=True)
class _Box:
    text: str
    score: float
    corners: tuple[tuple[float, float], ...]

    @property
    def left(self) -> float:
        return min(x for x, _ in self.corners)

    @property
    def right(self) -> float:
        return max(x for x, _ in self.corners)

    @property
    def top(self) -> float:
        return min(y for _, y in self.corners)

    @property
    def bottom(self) -> float:
        return max(y for _, y in self.corners)

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def _weight(boxes: Sequence[_Box]) -> float:
    """How much was read how surely; wide boxes are lines, tall ones are text on its side."""
    return sum(
        len(box.text) * max(0.0, box.score - 0.5)
        for box in boxes
        if box.right - box.left >= box.bottom - box.top
    )


def _well_read(boxes: Sequence[_Box]) -> bool:
    characters = sum(len(box.text) for box in boxes)
    wide = sum(len(box.text) for box in boxes if box.right - box.left >= (box.bottom - box.top))
    sure = sum(len(box.text) * box.score for box in boxes) / max(1, characters)
    return sure >= _UPRIGHT and wide >= 0.7 * characters


def _skew(boxes: Sequence[_Box]) -> float:
    """Degrees by which the lines fall to the right; median over long lines, 0 where there are none."""
    angles = []
    for box in boxes:
        (x0, y0), (x1, y1) = box.corners[0], box.corners[1]
        if len(box.text) >= 6 and x1 - x0 > 5 * abs(y1 - y0):
            angles.append(float(np.degrees(np.arctan2(y1 - y0, x1 - x0))))
    return float(np.median(angles)) if angles else 0.0


def reading_order(boxes: Sequence[_Box], width: int) -> list[_Box]:
    """Top to bottom and left to right; a gutter that no line crosses splits two columns below what spans both."""
    if not boxes:
        return []
    gutter = _gutter(boxes, width)
    if gutter is None:
        return _rows(boxes)
    ordered: list[_Box] = []
    waiting: list[_Box] = []

    def flush() -> None:
        ordered.extend(_rows([box for box in waiting if box.right <= gutter + 1]))
        ordered.extend(_rows([box for box in waiting if box.right > gutter + 1]))
        waiting.clear()

    for box in sorted(boxes, key=lambda box: box.middle):
        if box.left < gutter < box.right:
            flush()
            ordered.append(box)
        else:
            waiting.append(box)
    flush()
    return ordered


def _gutter(boxes: Sequence[_Box], width: int) -> float | None:
    """The middle of a blank strip that parts most of the page into two columns of running text."""
    best: float | None = None
    for share in np.arange(0.40, 0.61, 0.01):
        x = float(width * share)
        margin = width * 0.008
        left = [box for box in boxes if box.right <= x - margin]
        right = [box for box in boxes if box.left >= x + margin]
        if min(len(left), len(right)) < 4 or len(left) + len(right) < 0.8 * len(boxes):
            continue
        full = sum(box.right - box.left > 0.25 * width for box in (*left, *right))
        if full >= 0.6 * (len(left) + len(right)) and (
            best is None or abs(share - 0.5) < abs(best / width - 0.5)
        ):
            best = x
    return best


def _rows(boxes: Sequence[_Box]) -> list[_Box]:
    """Boxes of one printed row, left to right, row after row; pieces of one row become one line."""
    rows: list[list[_Box]] = []
    for box in sorted(boxes, key=lambda box: box.middle):
        last = rows[-1] if rows else []
        height = min((piece.bottom - piece.top for piece in last), default=0.0)
        if last and abs(box.middle - sum(piece.middle for piece in last) / len(last)) < 0.5 * min(
            height, box.bottom - box.top
        ):
            last.append(box)
        else:
            rows.append([box])
    return [_one(sorted(row, key=lambda box: box.left)) for row in rows]


def _one(row: Sequence[_Box]) -> _Box:
    if len(row) == 1:
        return row[0]
    text = row[0].text
    for before, after in pairwise(row):
        height = after.bottom - after.top
        text += (" " if after.left - before.right > height else "") + after.text
    left, top = min(box.left for box in row), min(box.top for box in row)
    right, bottom = max(box.right for box in row), max(box.bottom for box in row)
    return _Box(
        text, min(box.score for box in row), ((left, top), (right, top), (right, bottom), (left, bottom))
    )


def _scaled(box: _Box, size: tuple[int, int], original: tuple[int, int]) -> RecognisedLine:
    """The box in shares of the straightened page, put on the size of the picture that was given."""
    across, down = original[0] / size[0], original[1] / size[1]
    return RecognisedLine(
        box.text, box.score, (box.left * across, box.top * down, box.right * across, box.bottom * down)
    )
