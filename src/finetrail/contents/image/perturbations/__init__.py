"""Perturbations of images: names, and what each does. The functions are imported when one is used.

The fifteen corruptions of Hendrycks & Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations (ICLR 2019), and what a camera, a scanner or an upload does besides.
"""

import io
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from finetrail.contents.image.decode import decode
from finetrail.contents.perturbation import Perturbation, check_severity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Corrupt = Callable[[Pixels, int, np.random.Generator], Pixels]

SHORTER_SIDE = 256
"""Pixels of the shorter side of an image that is perturbed; a larger one is made smaller first, as in the paper."""
_ABOUT: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "noise": {
        "gaussian_noise": ("Gaussian noise", "Noise of a sensor in low light."),
        "shot_noise": ("Shot noise", "Noise of single photons, stronger where it is dark."),
        "impulse_noise": ("Impulse noise", "Single dead pixels, black or white in each colour."),
    },
    "blur": {
        "defocus_blur": ("Defocus blur", "The lens is out of focus."),
        "glass_blur": ("Glass blur", "Seen through frosted glass."),
        "motion_blur": ("Motion blur", "The camera moves."),
        "zoom_blur": ("Zoom blur", "The camera moves towards the scene."),
    },
    "weather": {
        "snow": ("Snow", "Flakes fall in front of the scene."),
        "frost": ("Frost", "Ice crystals lie on the lens; drawn, not photographed as in the paper."),
        "fog": ("Fog", "Clouds of uneven density."),
    },
    "digital": {
        "brightness": ("Brightness", "Too much light."),
        "contrast": ("Contrast", "Too little contrast."),
        "elastic_transform": ("Elastic transform", "The image is stretched and squeezed in small regions."),
        "pixelate": ("Pixelation", "Enlarged from too few pixels."),
        "jpeg_compression": ("JPEG compression", "Saved as JPEG with low quality."),
        "grey": ("Grey", "Colour fades; at severity 5 none is left."),
    },
    "geometry": {
        "crop": ("Crop", "An off-centre part is cut out and enlarged."),
        "rotation": ("Rotation", "The camera is not level."),
        "flip": ("Flip", "Left and right trade places, at every severity."),
    },
}
_MOVED = {"elastic_transform"}
"""Those that move what is in the image, beside the geometry: by a twelfth of the shorter side and more."""
PERTURBATIONS: Mapping[str, Perturbation] = {
    name: Perturbation(*said, in_place=module != "geometry" and name not in _MOVED, mirrored=name == "flip")
    for module, of_module in _ABOUT.items()
    for name, said in of_module.items()
}
_MODULE = {name: module for module, of_module in _ABOUT.items() for name in of_module}


def perturb(name: str, content: bytes, severity: int, seed: int) -> bytes:
    """An encoded image, perturbed, as PNG.

    Args:
        severity: 1 to 5; 0 for the image as it is.
        seed: equal seeds give equal images.

    Raises:
        ImageError: the content is not a whole image.
    """
    check_severity(severity)
    if severity == 0:
        return content
    import numpy as np
    from PIL import Image

    image = decode(content)
    if min(image.size) > SHORTER_SIDE:
        factor = SHORTER_SIDE / min(image.size)
        image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BILINEAR)
    done = corrupt(name, np.asarray(image), severity, np.random.default_rng(seed))
    stream = io.BytesIO()
    Image.fromarray(done).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def corrupt(name: str, pixels: "Pixels", severity: int, generator: "np.random.Generator") -> "Pixels":
    """Pixels (H, W, 3), perturbed. Args: severity: 1 to 5."""
    function = cast("Corrupt", getattr(import_module(f"finetrail.contents.image.perturbations.{_MODULE[name]}"), name))
    return function(pixels, severity, generator)
