"""Convolutions of images with kernels, and fractal noise."""

from typing import Any

import numpy as np

from finetrail.contents.image.perturbations.severities import Floats


def convolved(values: Floats, kernel: Floats) -> Floats:
    """Values (H, W) or (H, W, C), each channel convolved with a kernel (k, k), k odd; borders are mirrored."""
    from scipy.signal import fftconvolve

    half = kernel.shape[0] // 2
    channels = values[..., None] if values.ndim == 2 else values
    padded = np.pad(channels, ((half, half), (half, half), (0, 0)), mode="symmetric")
    found: Floats = fftconvolve(padded, kernel[..., None], mode="valid", axes=(0, 1))
    return found[..., 0] if values.ndim == 2 else found


def smoothed(values: Floats, sigma: float, border: str = "nearest", reach: float = 4.0) -> Floats:
    """Values (H, W) or (H, W, C), blurred by a Gaussian of that many pixels.

    Args:
        border: what lies outside, as SciPy calls it.
        reach: where the Gaussian ends, in sigmas.
    """
    from scipy.ndimage import gaussian_filter

    found: Floats = gaussian_filter(values, (sigma, sigma, 0)[: values.ndim], mode=border, truncate=reach)
    return found


def disk(radius: float, edge: float) -> Floats:
    """The image of a point out of focus. Args: edge: how soft it ends, the sigma of a Gaussian."""
    half = max(8, int(np.ceil(radius)))
    across, down = np.meshgrid(np.arange(-half, half + 1), np.arange(-half, half + 1))
    kernel = (across**2 + down**2 <= radius**2).astype(np.float64)
    return smoothed(kernel / kernel.sum(), edge)


def trail(radius: int, sigma: float, degrees: float) -> Floats:
    """The image of a point that moves: a line that begins at the centre and fades as a Gaussian does."""
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1))
    angle = np.deg2rad(degrees)
    steps = np.arange(0, radius, 0.5)
    down, across = radius + steps * np.sin(angle), radius + steps * np.cos(angle)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    np.add.at(kernel, (down.round().astype(int), across.round().astype(int)), weights)
    return np.asarray(kernel / kernel.sum(), dtype=np.float64)


def zoomed(values: Floats, factor: float) -> Floats:
    """The middle of an image (H, W) or (H, W, C), enlarged by a factor >= 1 to the whole size."""
    from scipy.ndimage import map_coordinates

    height, width = values.shape[:2]
    down, across = np.meshgrid(_inner(height, factor), _inner(width, factor), indexing="ij")
    return over_channels(values, lambda channel: map_coordinates(channel, (down, across), order=1, mode="nearest"))


def _inner(size: int, factor: float) -> Floats:
    middle = (size - 1) / 2
    return np.asarray(middle + (np.arange(size) - middle) / factor, dtype=np.float64)


def over_channels(values: Floats, function: Any) -> Floats:
    """Apply a function to (H, W), or to each channel of (H, W, C)."""
    if values.ndim == 2:
        found: Floats = function(values)
        return found
    return np.stack([function(values[..., channel]) for channel in range(values.shape[2])], axis=-1)


def clouds(size: int, decay: float, generator: np.random.Generator) -> Floats:
    """Fractal noise (size, size) in 0..1 by the diamond-square algorithm. Args: size: a power of two."""
    found = np.zeros((size, size))
    step, wobble = size, 100.0
    while step >= 2:
        half = step // 2
        corners = found[::step, ::step]
        total = corners + np.roll(corners, -1, axis=0)
        total = total + np.roll(total, -1, axis=1)
        found[half::step, half::step] = total / 4 + wobble * generator.uniform(-wobble, wobble, total.shape)
        middles = found[half::step, half::step]
        across = middles + np.roll(middles, 1, axis=0) + corners + np.roll(corners, -1, axis=1)
        found[::step, half::step] = across / 4 + wobble * generator.uniform(-wobble, wobble, across.shape)
        down = middles + np.roll(middles, 1, axis=1) + corners + np.roll(corners, -1, axis=0)
        found[half::step, ::step] = down / 4 + wobble * generator.uniform(-wobble, wobble, down.shape)
        step, wobble = half, wobble / decay
    found -= found.min()
    return found / (found.max() or 1.0)


def clouds_over(shape: tuple[int, ...], decay: float, generator: np.random.Generator) -> Floats:
    """The same for an image of any size. Args: shape: (H, W, 3)."""
    height, width = shape[:2]
    size = 2 ** int(np.ceil(np.log2(max(height, width, 2))))
    return clouds(size, decay, generator)[:height, :width]
