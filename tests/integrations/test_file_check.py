"""What residents send: real pictures of every kind, and everything that is none."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter

from integrations.documents import check
from integrations.documents.check import CheckedFile, UnsupportedFile, check_file


def picture(
    form: str = "JPEG", size: tuple[int, int] = (1000, 630), mode: str = "RGB", **options: object
) -> bytes:
    image = Image.new(mode, size, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, size[0] // 4, size[1] // 4), fill="red" if mode == "RGB" else 0)
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def pdf(pages: int = 1, password: str | None = None) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    if password:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def opened(file: CheckedFile) -> Image.Image:
    image = Image.open(io.BytesIO(file.data))
    image.load()
    return image


def refused(
    data: bytes, filename: str = "photo.jpg", mime: str | None = None, **options: int
) -> UnsupportedFile:
    with pytest.raises(UnsupportedFile) as caught:
        check_file(data, filename, mime, **options)
    return caught.value


# --- what is taken ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "filename", "mime"),
    [
        ("JPEG", "身份证.jpg", "image/jpeg"),
        ("PNG", "截图.PNG", "image/png"),
        ("WEBP", "x.webp", "image/webp"),
        ("JPEG", "renamed.png", "image/png"),  # chat apps rename; it still is a photograph
        ("PNG", "no-suffix", "application/octet-stream"),
        ("JPEG", "", None),
    ],
)
def test_a_photograph_is_kept_as_jpeg_with_the_hash_of_what_is_kept(
    form: str, filename: str, mime: str | None
) -> None:
    file = check_file(picture(form), filename, mime)
    assert (file.mime, file.width, file.height, file.pages) == ("image/jpeg", 1000, 630, 1)
    assert file.sha256 == hashlib.sha256(file.data).hexdigest()
    assert file.size == len(file.data)
    assert file.filename.endswith(".jpg")
    assert opened(file).size == (1000, 630)


@pytest.mark.parametrize("mode", ["L", "1", "CMYK"])
def test_grey_and_cmyk_pictures_are_taken(mode: str) -> None:
    form = "PNG" if mode == "1" else "JPEG"
    assert opened(check_file(picture(form, mode=mode), "a.jpg", None)).mode in {"L", "RGB"}


def test_a_transparent_signature_stands_on_white() -> None:
    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    ImageDraw.Draw(image).line((10, 10, 290, 190), fill=(0, 0, 0, 255), width=8)
    out = io.BytesIO()
    image.save(out, "PNG")
    kept = opened(check_file(out.getvalue(), "签名.png", "image/png"))
    assert kept.getpixel((280, 20)) == (255, 255, 255)
    assert max(kept.getpixel((150, 100))) < 60  # type: ignore[arg-type, type-var]


def test_an_iphones_picture_is_kept_as_jpeg_without_its_metadata() -> None:
    data = (
        Path(__file__).parent / "data" / "card.heic"
    ).read_bytes()  # made with pillow-heif; ours only reads
    assert b"SecretPhone" in data
    file = check_file(data, "IMG_0002.HEIC", "image/heic")
    assert (file.mime, file.filename, file.width, file.height) == ("image/jpeg", "IMG_0002.jpg", 320, 200)
    assert b"Secret" not in file.data
    red, _, blue = opened(file).getpixel((20, 20))  # type: ignore[misc]
    assert red > 180
    assert blue < 80
    assert refused(data[:-200], "IMG_0002.HEIC").code == "damaged"


def test_a_telephones_metadata_are_gone_and_the_picture_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the telephone turned
    exif[0x010F] = "SecretPhone"
    exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 15.0, 20.0), 3: "E", 4: (120.0, 9.0, 0.0)})
    data = picture(exif=exif, comment=b"SecretComment")
    assert b"SecretPhone" in data
    file = check_file(data, "IMG_0001.jpg", "image/jpeg")
    kept = opened(file)
    assert kept.size == (630, 1000)
    assert kept.getpixel((620, 10))[0] > 200  # type: ignore[index]
    assert kept.getpixel((620, 10))[2] < 60  # type: ignore[index]
    assert not kept.getexif()
    assert b"Secret" not in file.data
    assert b"Exif" not in file.data


def test_a_png_loses_its_text_chunks() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Author", "SecretAuthor")
    assert b"Secret" not in check_file(picture("PNG", pnginfo=info), "a.png", None).data


def test_a_samsung_double_picture_is_taken() -> None:
    out = io.BytesIO()
    first, second = (Image.new("RGB", (400, 300), colour) for colour in ("red", "blue"))
    first.save(out, "MPO", save_all=True, append_images=[second])
    assert opened(check_file(out.getvalue(), "a.jpg", "image/jpeg")).size == (400, 300)


def test_a_pdf_is_kept_as_it_came() -> None:
    data = pdf(3)
    file = check_file(data, "证明.pdf", "application/pdf")
    assert (file.mime, file.pages, file.width, file.data) == ("application/pdf", 3, None, data)
    assert len(PdfReader(io.BytesIO(file.data)).pages) == 3


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("身份证 正面(1).jpeg", "身份证 正面(1).jpg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\照片\\a.jpg", "a.jpg"),
        ("...", "file.jpg"),
        ('a"b\r\nc\x00<d>.jpg', "abcd.jpg"),
        ("长" * 300 + ".jpg", "长" * 80 + ".jpg"),
        ("\u202egpj.exe", "gpj.jpg"),
    ],
)
def test_a_name_is_kept_without_what_files_and_headers_mind(given_name: str, kept: str) -> None:
    assert check_file(picture(), given_name, None).filename == kept


# --- what is not taken -----------------------------------------------------------------------------------------


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "filename", "mime", "code"),
    [
        (b"", "a.jpg", "image/jpeg", "empty"),
        (b"hello", "notes.txt", "text/plain", "unsupported"),
        (b"hello", "", None, "unsupported"),
        (picture("GIF"), "a.gif", "image/gif", "unsupported"),
        (zipped(), "a.docx", None, "unsupported"),
        (b"MZ\x90\x00" + bytes(500), "setup.exe", None, "unsupported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "image/svg+xml", "unsupported"),
        (b"MZ\x90\x00" + bytes(500), "photo.jpg", "image/jpeg", "mismatch"),
        (b"<html><script>1</script>", "photo.jpg", "image/jpeg", "mismatch"),
        (picture("GIF"), "photo.jpg", "image/jpeg", "mismatch"),
        (zipped(), "a", "application/pdf", "mismatch"),
        (pdf(), "photo.jpg", "image/jpeg", "mismatch"),
        (picture(), "证明.pdf", "application/pdf", "mismatch"),
        (picture()[:-900], "a.jpg", None, "damaged"),
        (picture("PNG")[:-60], "a.png", None, "damaged"),
        (picture("WEBP")[:-60], "a.webp", None, "damaged"),
        (picture("JPEG")[:20], "a.jpg", None, "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a.png", None, "damaged"),
        (picture(size=(60, 60)), "a.jpg", None, "too_small"),
        (pdf()[:100], "a.pdf", None, "damaged"),
        (b"%PDF-1.7\n" + b"junk " * 100, "a.pdf", None, "damaged"),
        (pdf(password="secret"), "a.pdf", None, "locked"),
        (pdf(31), "a.pdf", None, "too_many_pages"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_taken_is_told_by_its_code(
    data: bytes, filename: str, mime: str | None, code: str
) -> None:
    assert refused(data, filename, mime).code == code


def test_a_file_over_the_limit_is_refused_unread_and_the_limit_is_told() -> None:
    error = refused(b"\xff\xd8\xff" + bytes(3 * 1024 * 1024), max_bytes=2 * 1024 * 1024)
    assert error.code == "too_large"
    assert "2 兆" in error.message


def test_a_decompression_bomb_is_refused_before_it_is_unpacked() -> None:
    # A PNG of 30 kB that says it is 60,000 × 60,000: 10 GB once unpacked.
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(30_000_000)))
        + chunk(b"IEND", b"")
    )
    assert refused(bomb, "a.png").code == "too_many_pixels"


@pytest.mark.parametrize("size", [(5100, 5000), (65_000, 400)])
def test_more_pixels_than_a_telephone_makes_are_refused(size: tuple[int, int]) -> None:
    assert refused(picture("PNG", size, "1"), "a.png").code == "too_many_pixels"


def test_the_largest_camera_is_taken_and_one_larger_is_not() -> None:
    assert check_file(picture(size=(8192, 6144)), "a.jpg", None).width == check.KEPT_SIDE
    assert refused(picture(size=(9248, 6936))).code == "too_many_pixels"


def test_a_moving_picture_is_refused() -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (200, 200), colour) for colour in ("red", "blue")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    assert refused(out.getvalue(), "a.webp").code == "animated"


@pytest.mark.parametrize("code", check._texts())
def test_every_refusal_says_what_to_do_in_plain_words(code: check.RefusalCode) -> None:
    message = check._refuse(code, limit_mb=10, named="照片", max_pages=30).message
    assert "请" in message
    assert not any(word in message for word in ("错误", "非法", "格式不正确", "{", "失败"))
    assert all(len(sentence) <= 45 for sentence in message.split("。"))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    base=st.sampled_from(
        [picture(size=(200, 150)), picture("PNG", (200, 150)), picture("WEBP", (200, 150)), pdf(2)]
    ),
    cut=st.floats(0.01, 1),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8),
)
def test_a_damaged_file_is_taken_or_refused_and_nothing_else(
    base: bytes, cut: float, flips: list[tuple[float, int]]
) -> None:
    data = bytearray(base[: max(1, int(len(base) * cut))])
    for place, value in flips:
        data[int(len(data) * place)] = value
    try:
        file = check_file(bytes(data), "a", None)
    except UnsupportedFile:
        return
    assert file.size == len(file.data)
