"""How a picture becomes what a vision backbone was trained on: size, crop and normalisation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preprocessing:
    """The evaluation view of a backbone.

    Attributes:
        image_size: pixels of the square that the backbone gets.
        resize: the shorter side is resized to so many pixels before the centre crop; at least `image_size`.
        mean, std: of the RGB channels, for values in 0..1.
        interpolation: of the resize.
    """

    image_size: int
    resize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
