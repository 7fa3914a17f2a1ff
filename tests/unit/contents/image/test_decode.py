"""Whatever kind of image file people have, it becomes one upright RGB image; what is none is refused in one line."""

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from finetrail.contents.image.decode import decode, from_base64
from finetrail.data.image_files import open_image, orientation
from finetrail.errors import ImageError

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)


def encoded(image: Image.Image, kind: str, **how: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def half_red(size: tuple[int, int] = (16, 8)) -> Image.Image:
    """Red on the left, black on the right."""
    image = Image.new("RGB", size, BLACK)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    return image


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def near(found: object, wanted: tuple[int, int, int], by: int = 3) -> bool:
    return all(abs(a - b) <= by for a, b in zip(found, wanted, strict=True))  # type: ignore[call-overload]


SAVED: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encoded(half_red(), "JPEG", quality=95, subsampling=0),
    "progressive jpeg": lambda: encoded(half_red(), "JPEG", quality=95, subsampling=0, progressive=True),
    "cmyk jpeg": lambda: encoded(half_red().convert("CMYK"), "JPEG", quality=98, subsampling=0),
    "png": lambda: encoded(half_red(), "PNG"),
    "palette png": lambda: encoded(half_red().convert("P"), "PNG"),
    "webp": lambda: encoded(half_red(), "WEBP", lossless=True),
    "bmp": lambda: encoded(half_red(), "BMP"),
    "gif": lambda: encoded(half_red(), "GIF"),
    "tiff": lambda: encoded(half_red(), "TIFF"),
    "animated gif": lambda: encoded(half_red(), "GIF", save_all=True, append_images=[Image.new("RGB", (16, 8), WHITE)]),
    "animated webp": lambda: encoded(
        half_red(), "WEBP", lossless=True, save_all=True, append_images=[Image.new("RGB", (16, 8), WHITE)]
    ),
}


@pytest.mark.parametrize("kind", SAVED)
def test_every_format_becomes_the_same_image(kind: str) -> None:
    image = decode(SAVED[kind]())
    assert (image.mode, image.size) == ("RGB", (16, 8))
    assert near(image.getpixel((1, 4)), RED)
    assert near(image.getpixel((14, 4)), BLACK)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_what_is_transparent_becomes_white(mode: str) -> None:
    clear = Image.new("LA", (4, 4), (0, 0))
    clear.putpixel((0, 0), (0, 255))
    if mode == "P":
        palette = Image.new("P", (4, 4), 1)
        palette.putpalette([*BLACK, *RED])
        palette.putpixel((0, 0), 0)
        data = encoded(palette, "PNG", transparency=bytes([255, 0]))
    elif mode in ("L", "RGB"):
        plain = Image.new(mode, (4, 4), 9 if mode == "L" else (9, 9, 9))
        plain.putpixel((0, 0), 0 if mode == "L" else BLACK)
        data = encoded(plain, "PNG", transparency=9 if mode == "L" else (9, 9, 9))
    else:
        data = encoded(clear.convert(mode), "PNG")
    image = decode(data)
    assert image.getpixel((0, 0)) == BLACK
    assert image.getpixel((3, 3)) == WHITE


def test_half_transparent_is_mixed_with_white() -> None:
    assert near(
        decode(encoded(Image.new("RGBA", (2, 2), (255, 0, 0, 128)), "PNG")).getpixel((0, 0)), (255, 127, 127), 1
    )


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I;16B"), ("TIFF", "I")])
def test_sixteen_bits_become_eight(kind: str, mode: str) -> None:
    values = np.array([[0, 255, 256, 0x7FFF], [0x8000, 0xFEFF, 0xFF00, 0xFFFF]])
    if mode == "I;16B":
        deep = Image.frombytes("I;16B", (4, 2), values.astype(">u2").tobytes())
    else:
        deep = Image.fromarray(values.astype(np.int32 if mode == "I" else np.uint16))
    image = decode(encoded(deep, kind))
    assert np.asarray(image)[..., 0].tolist() == [[0, 0, 1, 127], [128, 254, 255, 255]]
    assert len({image.getchannel(channel).tobytes() for channel in "RGB"}) == 1


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_fewer_bits_in_a_file_of_sixteen_are_scaled_by_their_range(bits: int) -> None:
    """As cameras and scanners save them: the high byte alone of 12 bits has 16 greys."""
    values = np.linspace(0, 2**bits - 1, 256).round().astype(np.uint16).reshape(16, 16)
    image = decode(encoded(Image.fromarray(values), "PNG"))
    assert np.abs(np.asarray(image)[..., 0].ravel().astype(int) - np.arange(256)).max() <= 1


def test_one_bit_bitmaps_are_black_and_white() -> None:
    bitmap = Image.new("1", (9, 3), 1)
    bitmap.putpixel((0, 0), 0)
    image = decode(encoded(bitmap, "BMP"))
    assert (image.getpixel((0, 0)), image.getpixel((8, 2))) == (BLACK, WHITE)


def test_values_without_a_known_scale_are_refused() -> None:
    for values in (np.full((2, 2), 0.5, np.float32), np.full((2, 2), 70_000, np.int32), np.full((2, 2), -1, np.int32)):
        with pytest.raises(ImageError, match=r"32-bit grey values \(mode [IF]\) have no known scale; save it with 8"):
            decode(encoded(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("lies", range(1, 9))
def test_exif_orientation_is_honoured(kind: str, lies: int) -> None:
    """Each file is stored so that it is the same image when turned as EXIF says."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = half_red((16, 8))
    upright.paste(WHITE, (12, 4, 16, 8))
    stored = upright.transpose(undo[lies]) if lies in undo else upright
    exif = Image.Exif()
    exif[0x0112] = lies
    data = encoded(stored, kind, exif=exif, **({"quality": 98} if kind == "JPEG" else {}))
    image = decode(data)
    assert image.size == (16, 8)
    assert np.abs(np.asarray(image).astype(int) - np.asarray(upright)).mean() < 8
    assert (orientation(open_image(data)) >= 5) == (lies >= 5 and kind != "TIFF")


def test_damaged_exif_data_is_no_damaged_image() -> None:
    plain = encoded(half_red(), "JPEG")
    block = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 30
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data).tobytes() == decode(plain).tobytes()


def noise(size: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    data = encoded(noise(), kind)
    with pytest.raises(ImageError, match=r"not an? (complete )?image .*save it") as caught:
        decode(data[: int(len(data) * share)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"^0 bytes; save the image again$"),
        (
            b"just words, though the file is called a.jpg",
            r"not an image of a known format; save it as one of JPEG, PNG, ",
        ),
        (b"%PDF-1.7", r"not an image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", r"not an image of a known format"),
        (png_of(60_000, 60_000), r"more than 100,000,000 pixels \(Image size \(3600000000 pixels\) exceeds.*shrink it"),
        (png_of(10_001, 10_000), r"10001 x 10000 pixels are more than 100,000,000; shrink it"),
        (png_of(9_000, 9_000), r"not a complete image \(OSError: .*\); save it again"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        decode(data)
    assert "\n" not in str(caught.value)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0"])
)
def test_no_bytes_lead_to_another_error(data: bytes, magic: bytes) -> None:
    try:
        image = decode(magic + data)
    except ImageError:
        return
    assert image.mode == "RGB"


@given(st.integers(0, 2**32), st.data())
def test_a_damaged_byte_leads_to_no_other_error(place: int, data: st.DataObject) -> None:
    whole = bytearray(SAVED[data.draw(st.sampled_from([*SAVED]))]())
    whole[place % len(whole)] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ImageError):
        assert decode(bytes(whole)).mode == "RGB"


def test_many_threads_decode_alike_without_warnings() -> None:
    files = [make() for make in SAVED.values()] * 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = [decode(data).tobytes() for data in files]
        with ThreadPoolExecutor(4) as pool:
            assert [image.tobytes() for image in pool.map(decode, files)] == alone


@given(st.binary())
def test_base64_comes_back_in_all_its_spellings(data: bytes) -> None:
    import base64

    plain, url = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    spellings = [plain, url, plain.rstrip("="), f"data:image/png;base64,{plain}", "\n".join([plain[:9], plain[9:]])]
    assert [from_base64(text) for text in spellings] == [data] * len(spellings)


@pytest.mark.parametrize("text", ["photos/1.jpg", "data:image/png,abc", "data:", "a", "é", "data:image/png;base64,*"])
def test_what_is_no_base64(text: str) -> None:
    assert from_base64(text) is None
