"""The facts about the mask of a row that its rules check."""

from typing import Any

from finetrail.data.store.content import Kind
from finetrail.targets.masks.label import objects_in, regions_of
from finetrail.targets.masks.reading import Mask

FAULTS: dict[str, tuple[str, str, str]] = {
    "missing_mask": (
        "Every image has a mask",
        "whose image has no mask",
        "put it beside the others, or take these images as background with policy off",
    ),
    "unknown_value": (
        "Every pixel has a value, or a colour, of a class",
        "with pixels of no class",
        "name it in source.columns.classes or palette, give it to source.columns.ignore",
    ),
    "edge_colours": (
        "No mask has soft edges",
        "with soft edges, of values between those of classes",
        "draw the masks without anti-aliasing, ignore these pixels with policy off",
    ),
    "lossy_mask": (
        "No mask was in a file that changes values",
        "whose mask was in a file that changes values",
        "save the masks as PNG from where they were drawn, ignore pixels of no class with policy off",
    ),
    "outside_image": (
        "No polygon reaches out of its image",
        "with a polygon that reaches out of its image",
        "correct the polygons, or cut them off with policy off",
    ),
    "crowd": ("No region stands for a crowd", "with a region that stands for a crowd", "draw its objects"),
}
"""What each rule about a mask alone expects, what is wrong with those that it finds, and what to do."""
FACTS: dict[str, Kind] = {
    **dict.fromkeys(("mask_width", "mask_height", "regions", "region_pixels"), "int64"),
    **dict.fromkeys(FAULTS, "string"),
}


def facts_of(label: Any) -> dict[str, object]:
    """The facts about the label of a row that its rules check."""
    from finetrail.targets.masks.raster import areas_of

    found: dict[str, object] = dict.fromkeys(FACTS)
    if label is None:
        return found
    width, height = label["width"], label["height"]
    objects = objects_in(label)
    found |= {"mask_width": width, "mask_height": height, "regions": len(objects)}
    found["region_pixels"] = min(areas_of(objects, width, height), default=None)
    crowds = [region.label for region in regions_of(label) if region.crowd]
    if crowds:
        found["crowd"] = f"{crowds[0]}" + (f" and {len(crowds) - 1} more" if len(crowds) > 1 else "")
    return found | (dict(label.faults) if isinstance(label, Mask) else {})
