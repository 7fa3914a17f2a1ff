"""What training saw, written and read back; large images are made small."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finetrail.evaluation.report.previews import LARGEST, SIDE, Preview, Seen, read_seen, small, write_seen
from finetrail.run_paths import RunPaths


def noise(width: int, height: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = RunPaths(tmp_path / "runs" / "full").seen
    seen = [
        Seen("cat", Preview(image=noise(32, 32))),
        Seen("", Preview("a text \x00 \U0001f600")),
        Seen("x", Preview()),
        Seen("1 cell", Preview(image=noise(90, 90), size=(64, 48)), [{"label": "cell", "xmin": 1.5}]),
    ]
    write_seen(seen, path)
    assert read_seen(path) == seen
    before = path.read_bytes()
    write_seen(iter(seen), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("width", "height", "mode"), [(224, 224, "RGB"), (1000, 20, "RGBA"), (300, 900, "P")])
def test_a_large_image_is_shrunk(tmp_path: Path, width: int, height: int, mode: str) -> None:
    data = noise(width, height, mode=mode)
    assert len(data) > LARGEST
    write_seen([Seen("cat", Preview(image=data))], tmp_path / "seen.json")
    (found,) = read_seen(tmp_path / "seen.json")
    assert len(found.preview.image) < 3 * LARGEST  # noise, which compresses worst
    with Image.open(io.BytesIO(found.preview.image)) as image:
        assert (image.format, max(image.size)) == ("JPEG", SIDE)
        assert image.width / image.height == pytest.approx(width / height, rel=0.2)


def test_a_small_image_stays_as_it_is() -> None:
    preview = Preview(image=noise(32, 32))
    assert small(preview) is preview
