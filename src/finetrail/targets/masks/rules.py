"""The rules about labels that are masks. They see a label as its key: its regions as JSON."""

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from finetrail.data.validation.findings import Between, Null, Rule
from finetrail.data.validation.rules import Needed, RowPolicy, RowRule, active, row_rule
from finetrail.settings import Settings
from finetrail.targets.label_rules import (
    Allowed,
    NamedLabelRules,
    RareLabel,
    count_unknown,
    find_rare,
    first_names,
    labels_left_rule,
    rare_label_rule,
    spelled_otherwise,
    spelling_rule,
    unknown_label_rule,
)
from finetrail.targets.masks.faults import FACTS, FAULTS
from finetrail.targets.masks.label import names_in

if TYPE_CHECKING:
    import pandas as pd


class Stops(Settings):
    """A rule that stops the pipeline by default: what it finds is most often in all masks."""

    policy: RowPolicy = "fail"


class TinyRegion(Settings):
    """A region of fewer than `pixels`."""

    policy: RowPolicy = "quarantine"
    pixels: int = Field(default=1, ge=1)


class MaskRules(NamedLabelRules):
    """The entries of section `validation` of params.yaml for masks."""

    unreadable_mask: Needed = Needed()
    mask_size: Needed = Needed()
    missing_mask: RowRule = RowRule()
    unknown_value: Stops = Stops()
    edge_colours: Stops = Stops()
    lossy_mask: Stops = Stops()
    outside_image: RowRule = RowRule()
    tiny_region: TinyRegion = TinyRegion()
    crowd: Allowed = Allowed()
    background: Allowed = Allowed()
    rare_label: RareLabel = RareLabel()

    label_facts = FACTS
    label_key: ClassVar[str] = "label"
    unlabelled: ClassVar[str] = "without a mask"

    def own_label_rules(self) -> tuple[Rule, ...]:
        pixels = self.tiny_region.pixels
        own = [
            replace(row_rule(self, name, None, expects, wrong, Null(name), remedy=remedy), tells=name)
            for name, (expects, wrong, remedy) in FAULTS.items()
        ]
        unknown = [] if self.unknown_label.labels is None else [Between("unknown_classes", high=0)]
        return (
            replace(
                row_rule(
                    self,
                    "unreadable_mask",
                    None,
                    "Every mask can be read",
                    "whose mask cannot be read",
                    Null("unreadable_mask"),
                    remedy="put the file where the source says, or save it again",
                ),
                tells="unreadable_mask",
            ),
            replace(
                row_rule(
                    self,
                    "mask_size",
                    None,
                    "Every mask has the size of its upright image",
                    "whose mask has not the size of the upright image",
                    Null("mask_size"),
                    remedy="draw the mask on the upright image, or save the image as it was when the mask was drawn",
                ),
                tells="mask_size",
            ),
            *own,
            row_rule(
                self,
                "tiny_region",
                pixels,
                f"Every region has at least {pixels} pixels",
                f"with a region of less than {pixels} pixels",
                Between("region_pixels", low=pixels),
                remedy="remove these regions, or lower validation.tiny_region.pixels",
            ),
            row_rule(
                self,
                "background",
                None,
                "Every mask has a class beside the background",
                "whose mask is background alone",
                Between("regions", low=1),
                remedy="draw what is there, or allow such masks by validation.background",
            ),
            spelling_rule(self, "class"),
            unknown_label_rule(self, self.unknown_label, *unknown, what="class"),
        )

    def rules_of_all(self) -> tuple[Rule, ...]:
        low = self.rare_label.min_rows
        return (
            rare_label_rule(self, self.rare_label, Between("rows_of_rarest_class", low=low), what="class"),
            labels_left_rule(
                1,
                "At least one mask with a class beside the background is left",
                "no mask with a class beside the background is left",
                "a model needs pixels to learn from; add some",
            ),
        )

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        import pandas as pd

        names = _names(table["label"])
        table["unreadable_mask"] = table["label"].where(pd.Series([one is None for one in names], index=table.index))
        table["mask_size"] = _other_sizes(table)
        table["unknown_classes"] = count_unknown(table, names, self.unknown_label)
        bad = active(self.unknown_label, table["unknown_classes"] > 0) | spelled_otherwise(self, table)
        bad |= active(self.tiny_region, table["region_pixels"] < self.tiny_region.pixels)
        bad |= active(self.background, table["regions"] == 0)
        for name in ("unreadable_mask", "mask_size", *FAULTS):
            bad |= active(getattr(self, name), table[name].notna())
        return bad

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        names = _names(used["label"])
        rare = find_rare(self.rare_label, table, used, names, "rows_of_rarest_class")
        table["label_used"] = first_names(names, used)[~rare]

    def said(self, manifest: "pd.DataFrame") -> "pd.DataFrame":
        """Its masks as the classes that they have."""
        if "label" not in manifest:
            return manifest
        named = zip(manifest["label"], _names(manifest["label"]), strict=True)
        return manifest.assign(label=[key if names is None else ", ".join(names) for key, names in named])

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        """How many images show each class, and how many are background alone."""
        found = [one or () for one in _names(labels)]
        images = Counter(name for names in found for name in names)
        none = sum(not names for names in found)
        return {**images, **({"(images of background alone)": none} if none else {})}


def _names(labels: "pd.Series[str]") -> list[list[str] | None]:
    """The classes of each row, from its key; None where there is no mask."""
    return [names_in(json.loads(key)) if isinstance(key, str) and key.startswith("{") else None for key in labels]


def _other_sizes(table: "pd.DataFrame") -> "pd.Series[str]":
    """What is said of each mask that has not the size of its image; null for the others."""
    import pandas as pd

    sides = table[["width", "height", "mask_width", "mask_height"]].astype("float64").to_numpy().tolist()
    return pd.Series([_other_size(*row) for row in sides], index=table.index, dtype="str")


def _other_size(width: float, height: float, mask_width: float, mask_height: float) -> str | None:
    if not width > 0 or not mask_width > 0 or (width, height) == (mask_width, mask_height):
        return None
    turned = ": it was turned as its EXIF data says" if (height, width) == (mask_width, mask_height) else ""
    return f"the mask has {mask_width:g} x {mask_height:g} pixels, the image has {width:g} x {height:g}{turned}"
