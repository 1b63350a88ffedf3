"""What a resident sends is looked at before it is kept: what it really is, whether it can be read, what it gives away.

Photographs are decoded whole (so a truncated one is found now and not at the window), turned upright and written anew
without metadata: where and when a picture was taken is nobody's business. All become JPEG, which every office
computer opens and whose size stays bounded. Hash and size are those of the bytes to be stored.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Literal

import filetype
import pi_heif  # type: ignore[import-untyped]
from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from ruamel.yaml import YAML

pi_heif.register_heif_opener()

RefusalCode = Literal[
    "empty", "too_large", "too_many_pixels", "too_small", "unsupported", "mismatch", "damaged", "animated", "locked",
    "too_many_pages",
]  # fmt: skip

IMAGES = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
    "image/heif": "HEIF",
}
PDF = "application/pdf"
ACCEPTED = (*IMAGES, PDF)

MAX_BYTES = 10 * 1024 * 1024
# Cameras of 50 megapixels make up to 8192 × 6144. PNG and WebP are screenshots: even a very long one has less, and a
# few kilobytes of either can unpack to anything.
MAX_PIXELS = 52_000_000
MAX_PIXELS_SCREENSHOT = 25_000_000
MAX_PAGES = 30
# Long side of what is kept. A card filling the picture is then about 40 pixels to a character.
KEPT_SIDE = 3200
# Short side below which nothing on a document can be read.
MIN_SIDE = 100
JPEG_QUALITY = 90

_SUFFIXES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".jfif": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
    ".heic": "image/heic", ".heif": "image/heif", ".pdf": PDF,
}  # fmt: skip
_SCREENSHOTS = {"PNG", "WEBP"}
# However many send at once, only these many pictures are unpacked in memory.
_UNPACKING = threading.BoundedSemaphore(2)
_KINDS = {"image": "照片", PDF: "PDF"}
_REFUSALS = Path(__file__).with_name("refusals.yml")


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file fit to be stored. `data` are the bytes to store; mime, size and sha256 describe exactly these.

    width and height are pixels (None for a PDF), pages is 1 for an image.
    """

    data: bytes
    mime: str
    size: int
    sha256: str
    filename: str
    width: int | None
    height: int | None
    pages: int


class UnsupportedFile(Exception):
    """A file that cannot be taken. `message` is plain Chinese for the resident and says what to do."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        self.code: RefusalCode = code
        self.message = message
        super().__init__(f"{code}: {message}")


class _RefusalFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1]
    refusals: dict[RefusalCode, str]


def check_file(
    data: bytes, filename: str, declared_mime: str | None, *, max_bytes: int = MAX_BYTES
) -> CheckedFile:
    """Check one file and make it fit to be stored.

    Takes up to a second for a large photograph: call it in a thread (`asyncio.to_thread`).

    Raises:
        UnsupportedFile: with what to tell the resident.
    """
    if not data:
        raise _refuse("empty")
    if len(data) > max_bytes:
        raise _refuse("too_large", limit_mb=max(1, max_bytes // (1024 * 1024)))
    mime = _sniff(data)
    named = _named(filename, declared_mime)
    if mime is None:
        # Named as something we take, but the bytes say otherwise: that is what the resident should hear.
        raise _refuse("mismatch", named=_KINDS[_kind(named)]) if named else _refuse("unsupported")
    if named is not None and _kind(named) != _kind(mime):
        raise _refuse("mismatch", named=_KINDS[_kind(named)])
    with _UNPACKING:
        return _pdf(data, filename) if mime == PDF else _image(data, filename, IMAGES[mime])


def _sniff(data: bytes) -> str | None:
    """Media type by magic bytes, if it is one we take."""
    kind = filetype.guess(data)
    return kind.mime if kind is not None and kind.mime in ACCEPTED else None


def _named(filename: str, declared_mime: str | None) -> str | None:
    """What name or sender say it is, if that is something we take. Phones often say nothing (octet-stream)."""
    declared = (declared_mime or "").partition(";")[0].strip().lower()
    return _SUFFIXES.get(PurePath(filename).suffix.lower()) or (declared if declared in ACCEPTED else None)


def _kind(mime: str) -> str:
    # A JPEG called .png still is the photograph it was meant to be; chat apps rename them all the time.
    return PDF if mime == PDF else "image"


def _image(data: bytes, filename: str, form: str) -> CheckedFile:
    try:
        with warnings.catch_warnings():
            # Our own limit is checked before anything is decoded; Pillow's warning would say it twice.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=[form]) as image:
                return _upright(image, filename)
    except Image.DecompressionBombError:
        raise _refuse("too_many_pixels") from None
    except UnsupportedFile:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, RuntimeError):
        # Pillow's decoders report a broken file by any of these.
        raise _refuse("damaged") from None


def _upright(image: Image.Image, filename: str) -> CheckedFile:
    width, height = image.size
    if width * height > (MAX_PIXELS_SCREENSHOT if image.format in _SCREENSHOTS else MAX_PIXELS):
        raise _refuse("too_many_pixels")
    if min(width, height) < MIN_SIDE:
        raise _refuse("too_small")
    if getattr(image, "n_frames", 1) > 1 and image.format in _SCREENSHOTS:
        raise _refuse("animated")
    # A JPEG is decoded at a fraction of its size where that is all that will be kept, and everything is made small
    # before it is copied: a large picture is in memory once.
    scale = min(1.0, KEPT_SIDE / max(width, height))
    image.draft("RGB", (int(width * scale), int(height * scale)))
    picture = image if image.mode not in {"1", "P"} else _flat(image)
    picture.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
    clean = _flat(ImageOps.exif_transpose(picture))
    clean.info.clear()  # a comment found here would be written again
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    stored = out.getvalue()
    return CheckedFile(
        stored,
        "image/jpeg",
        len(stored),
        _sha256(stored),
        _safe_name(filename, ".jpg"),
        clean.width,
        clean.height,
        1,
    )


def _flat(picture: Image.Image) -> Image.Image:
    """RGB or grey; what was transparent is white."""
    if picture.mode in {"L", "1"}:
        return picture.convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer, mask=layer.getchannel("A"))
    return white


def _pdf(data: bytes, filename: str) -> CheckedFile:
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted:
            raise _refuse("locked")
        pages = len(reader.pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError):
        # pypdf reports broken structures by any of these, depending on where they are broken.
        raise _refuse("damaged") from None
    if pages == 0:
        raise _refuse("damaged")
    if pages > MAX_PAGES:
        raise _refuse("too_many_pages", max_pages=MAX_PAGES)
    return CheckedFile(data, PDF, len(data), _sha256(data), _safe_name(filename, ".pdf"), None, None, pages)


def _safe_name(filename: str, suffix: str) -> str:
    """The last part of the name without anything a file system or a header minds, with the suffix of what is kept."""
    last = re.split(r"[/\\]", filename)[-1]
    stem = re.sub(r"[^\w\- .()()]", "", PurePath(last).stem).strip(" .")
    return (stem[:80] or "file") + suffix


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def _texts() -> dict[RefusalCode, str]:
    return _RefusalFile.model_validate(YAML(typ="safe").load(_REFUSALS.read_text(encoding="utf-8"))).refusals


def _refuse(code: RefusalCode, **values: object) -> UnsupportedFile:
    return UnsupportedFile(code, _texts()[code].format(**values))
