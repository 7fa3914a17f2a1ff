"""How an exported folder says to transformers that whole images are stretched to the canvas."""

from typing import Any

from finetrail.contents.image.export import RESAMPLE
from finetrail.contents.image.preprocessing import Preprocessing


def stretching(own: Preprocessing, kind: str) -> dict[str, Any]:
    """The content of preprocessor_config.json. Args: kind: the class of transformers that reads it."""
    return {
        "image_processor_type": kind,
        "do_resize": True,
        "size": dict(zip(("width", "height"), own.canvas, strict=True)),
        "resample": RESAMPLE[own.interpolation],
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(own.mean),
        "image_std": list(own.std),
    }
