"""An image may be handed over as bytes, base64 or a path; a caller from elsewhere learns nothing about files."""

import base64
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from finetrail.contents.image.received import encoded
from finetrail.data.image_files import open_image
from finetrail.errors import ImageError
from tests.unit.red_or_blue import BLUE, RED, image

PNG = image(RED)
TEXT = base64.b64encode(PNG).decode()


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 3)])
def test_arrays_and_images_of_pillow_keep_every_pixel(shape: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    for value in (pixels, Image.fromarray(pixels)):
        assert np.array_equal(np.asarray(open_image(encoded(value, None))), pixels)
    with pytest.raises(ImageError, match=r"^an array \(2, 2, 3\) of float64; give pixels .* of uint8$"):
        encoded(np.zeros((2, 2, 3)), None)


@pytest.mark.parametrize("folder", [None, Path()])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_bytes_and_base64_of_every_format(kind: str, folder: Path | None) -> None:
    data = image(BLUE, kind)
    text = base64.b64encode(data).decode()
    wrapped = base64.encodebytes(data).decode()
    urlsafe = base64.urlsafe_b64encode(data).decode()
    texts = (text, wrapped, urlsafe, f"data:image/x;base64,{text}")
    for value in (data, bytearray(data), memoryview(data), np.bytes_(data), *texts):
        assert encoded(value, folder) == data


def test_a_path_is_relative_to_the_folder_or_absolute(tmp_path: Path) -> None:
    (tmp_path / "iVBORw").write_bytes(PNG)  # the letters with which every PNG starts in base64
    for value in ("iVBORw", Path("iVBORw"), str(tmp_path / "iVBORw")):
        assert encoded(value, tmp_path) == PNG


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("missing.png", r"^'missing.png' is neither the base64 of an image \(JPEG, .*\) nor a file$"),
        ("", r"^no value; give an image as bytes, base64 or a path$"),
        (".", r"^'.' is neither the base64"),
        ("a\0b", r"^'a\\x00b' is neither the base64 of an image \(.*\) nor a path$"),
        ("A" * 5000, r"^'A{40}…' is neither the base64 of an image \(.*\) nor a path$"),
        ("x" * 300, r"^'x{40}…' "),
        ("file:///etc/hostname", r"^'file:///etc/hostname' is neither"),
        (base64.b64encode(b"%PDF-1.7 and so on").decode(), r"^'JVBERi0xLj.*' is neither"),
        (None, r"^no value; give an image as bytes, base64 or a path$"),
        (float("nan"), r"^no value; "),
        (3, r"^a int; give an image as"),
        ([1, 2], r"^a list; "),
    ],
)
def test_what_is_no_image_is_refused(value: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=message):
        encoded(value, tmp_path)


def test_a_pipe_is_not_waited_for_and_a_locked_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match=r"'pipe.png' is neither"):
        encoded("pipe.png", tmp_path)
    (tmp_path / "file").write_bytes(PNG)
    with pytest.raises(ImageError, match=r"'file/a.png' (is neither|cannot be read)"):
        encoded("file/a.png", tmp_path)


def test_a_caller_from_elsewhere_cannot_tell_which_files_exist(tmp_path: Path) -> None:
    (tmp_path / "there.png").write_bytes(PNG)
    refused: dict[str, list[str]] = {}
    for name in ("there", "gone!"):
        for value in (f"{tmp_path}/{name}.png", f"file://{tmp_path}/{name}.png", Path(tmp_path, f"{name}.png")):
            with pytest.raises(ImageError, match="a request cannot name a path") as caught:
                encoded(value, None)
            refused.setdefault(name, []).append(str(caught.value).replace(name, ""))
    assert refused["there"] == refused["gone!"]


@given(st.text() | st.binary() | st.characters(categories=["Cs"]) | st.integers() | st.none() | st.lists(st.text()))
def test_nothing_that_is_given_is_a_crash(value: object) -> None:
    for folder in (None, Path("/nonexistent")):
        try:
            found = encoded(value, folder)
        except ImageError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert found == value or str(value).startswith("data:")
