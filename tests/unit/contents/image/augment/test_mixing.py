"""MixUp and CutMix: what is said of a mixed image is what was done to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.image.augment.mixing import cutmix, mix, mixup
from finetrail.contents.image.augment.settings import Augment

SEEDS = st.integers(0, 2**64 - 1)
ALPHAS = st.floats(0.05, 4)


def plain(count: int, size: int = 8) -> np.ndarray:
    """Images of one colour each, so that every pixel tells where it is from."""
    return np.stack([np.full((size, size, 3), 10 * number, dtype=np.uint8) for number in range(count)])


@given(SEEDS, ALPHAS, st.integers(1, 20))
def test_mixup_blends_by_the_share(seed: int, alpha: float, count: int) -> None:
    pixels = plain(count)
    mixed = mixup(pixels, alpha, np.random.default_rng(seed))
    assert mixed.partner is not None
    assert mixed.share is not None
    assert mixed.pixels.dtype == mixed.share.dtype == np.float32
    assert sorted(mixed.partner) == list(range(count))
    assert ((mixed.share >= 0) & (mixed.share <= 1)).all()
    share = mixed.share[:, None, None, None].astype(np.float64)
    np.testing.assert_allclose(mixed.pixels, pixels * share + pixels[mixed.partner] * (1 - share), atol=1e-3)


@given(SEEDS, ALPHAS, st.integers(1, 20), st.integers(1, 9))
def test_the_share_of_cutmix_is_the_area_that_was_not_pasted(seed: int, alpha: float, count: int, size: int) -> None:
    pixels = plain(count, size)
    mixed = cutmix(pixels, alpha, np.random.default_rng(seed))
    assert mixed.partner is not None
    assert mixed.share is not None
    assert mixed.pixels.dtype == np.uint8
    for number, (image, partner, share) in enumerate(zip(mixed.pixels, mixed.partner, mixed.share, strict=True)):
        pasted = (image == 10 * partner).all(axis=-1)
        if partner == number:
            assert pasted.all()
            continue
        assert share == pytest.approx(1 - pasted.mean(), abs=1e-6)
        assert (image[~pasted] == 10 * number).all()
        rows, columns = pasted.any(axis=1), pasted.any(axis=0)
        assert (pasted == np.outer(rows, columns)).all()  # it is a box
        assert (np.diff(np.flatnonzero(rows)) == 1).all()
        assert (np.diff(np.flatnonzero(columns)) == 1).all()


def test_with_both_each_batch_gets_one_of_the_two() -> None:
    kinds = {
        mix(plain(4), Augment(mixup=1.0, cutmix=1.0), np.random.default_rng(seed)).pixels.dtype for seed in range(20)
    }
    assert kinds == {np.dtype(np.float32), np.dtype(np.uint8)}


def test_without_either_a_batch_stays_as_it_is() -> None:
    pixels = plain(4)
    mixed = mix(pixels, Augment(flip=True), np.random.default_rng(0))
    assert mixed.pixels is pixels
    assert mixed.partner is None
    assert mixed.share is None


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_shares_follow_beta(alpha: float) -> None:
    share = mixup(plain(20, 1).repeat(100, axis=0), alpha, np.random.default_rng(0)).share
    assert share is not None
    assert share.mean() == pytest.approx(0.5, abs=0.03)
    assert share.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)
