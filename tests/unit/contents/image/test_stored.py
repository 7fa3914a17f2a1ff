"""The facts about an image in the manifest, and the hash of what it looks like."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from finetrail.contents.image.perceptual import perceptual_hashes
from finetrail.contents.image.stored import FACTS, IMAGES, StoredImages
from tests.unit.data.image_files import encode, noise_image

NEAR = 40  # bits: what `ImageSplit` takes for the same image by default


def facts(data: bytes | None) -> dict[str, object]:
    return IMAGES.describe([data])[0]


def bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def hash_of(image: Image.Image) -> str:
    return str(facts(encode(image))["perceptual_hash"])


def test_an_image_is_described_as_it_is_stored() -> None:
    data = encode(noise_image(1), "JPEG")
    found = facts(data)
    assert list(found) == list(FACTS)
    assert found | {"contrast": None, "perceptual_hash": None} == {
        "bytes": len(data),
        "width": 24,
        "height": 16,
        "mode": "RGB",
        "format": "JPEG",
        "contrast": None,
        "perceptual_hash": None,
        "error": None,
    }
    assert len(str(found["perceptual_hash"])) == 64
    grey = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    assert found["contrast"] == pytest.approx(grey.std(), abs=1e-9)


@pytest.mark.parametrize(
    ("image", "kind", "mode"),
    [
        (noise_image(1).convert("L"), "PNG", "L"),
        (noise_image(1).convert("P"), "PNG", "P"),
        (noise_image(1).convert("CMYK"), "JPEG", "CMYK"),
        (Image.new("RGBA", (8, 8), (9, 99, 199, 50)), "WEBP", "RGBA"),
        (noise_image(1).convert("1"), "BMP", "1"),
        (Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000), "PNG", "I;16"),
    ],
)
def test_mode_and_format_are_those_of_the_file(image: Image.Image, kind: str, mode: str) -> None:
    found = facts(encode(image, kind))
    assert (found["mode"], found["format"], found["error"]) == (mode, kind, None)


@pytest.mark.parametrize("size", [(24, 16), (900, 600)])  # the larger one is decoded at a part of its size
@pytest.mark.parametrize("lies", [1, 3, 6])
def test_size_and_hash_are_of_the_upright_image(size: tuple[int, int], lies: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = lies
    undo = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    upright = noise_image(1, size)
    stored = upright.transpose(undo[lies]) if lies in undo else upright
    found = facts(encode(stored, "JPEG", exif=exif, quality=95))
    assert (found["width"], found["height"]) == size
    assert bits_apart(str(found["perceptual_hash"]), hash_of(upright)) <= NEAR


def test_missing_and_undecodable_images_have_no_facts() -> None:
    nothing = dict.fromkeys(FACTS)
    torn = encode(noise_image(1, (64, 64)), "JPEG")[:500]
    found = IMAGES.describe([None, b"", b"words", torn])
    assert found[0] == nothing
    assert found[1] == nothing | {"bytes": 0, "error": "0 bytes; save the image again"}
    assert found[2]["bytes"] == 5
    assert str(found[2]["error"]).startswith("not an image of a known format")
    assert found[3] | {"error": None} == nothing | {"bytes": 500}
    assert "runcated" in str(found[3]["error"])
    assert IMAGES.describe([]) == []


def test_a_large_truncated_jpeg_is_found_at_a_part_of_its_size() -> None:
    data = encode(noise_image(1, (2000, 1500)), "JPEG")
    assert facts(data)["error"] is None
    assert "truncated" in str(facts(data[: len(data) * 9 // 10])["error"])


@given(st.lists(st.sampled_from([None, b"", b"x", *(encode(noise_image(seed)) for seed in range(4))])))
@settings(max_examples=30)
def test_a_batch_says_of_each_what_it_says_alone(batch: list[bytes | None]) -> None:
    assert IMAGES.describe(batch) == [facts(data) for data in batch]


def test_threads_change_nothing() -> None:
    files = [encode(noise_image(seed)) for seed in range(30)] + [b"x", None]
    assert StoredImages(threaded=0).describe(files) == StoredImages(threaded=2**30).describe(files)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_blank_image_has_no_contrast(value: int) -> None:
    assert facts(encode(Image.new("RGB", (33, 21), (value, value, value))))["contrast"] == 0


def test_the_hash_stays_near_where_the_image_does_and_goes_far_where_not() -> None:
    apart = []
    for seed in range(12):
        image = noise_image(seed, (120, 90))
        changed = {
            "smaller": image.resize((40, 30)),
            "jpeg": Image.open(io.BytesIO(encode(image, "JPEG", quality=50))),
            "darker": ImageEnhance.Brightness(image).enhance(0.8),
        }
        for one in changed.values():
            assert bits_apart(hash_of(image), hash_of(one)) <= NEAR
        apart.append(bits_apart(hash_of(image), hash_of(noise_image(seed + 1000, (120, 90)))))
    assert min(apart) > NEAR
    assert 96 < sum(apart) / len(apart) < 160  # hashes of other images are as far apart as random bits


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
@settings(max_examples=30)
def test_hashes_are_exact_and_do_not_depend_on_the_batch(seed: int, count: int) -> None:
    greys = np.random.default_rng(seed).integers(0, 256, (count, 32, 32), np.uint8)
    found = perceptual_hashes(greys)
    assert found == [perceptual_hashes(grey[None])[0] for grey in greys]
    assert perceptual_hashes(greys[::-1]) == found[::-1]
    assert all(int(one, 16) < 2**255 for one in found)  # the first bit, of the mean, counts as 0


def test_a_known_hash() -> None:
    """Pinned: hashes are in manifests and in thresholds, so they must not change unseen."""
    ramp = np.arange(1024, dtype=np.uint32).reshape(32, 32)
    assert perceptual_hashes((ramp * ramp % 251).astype(np.uint8)[None]) == [
        "758b15aa359c2a8c7b5f04082a58e6c92ecd6dc136fb8c203e0a83e5314a829b"
    ]
