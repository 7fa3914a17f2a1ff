"""The rules about labels that are boxes. They see a label as its key: its boxes as JSON."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from finetrail.data.validation.findings import Between, Null, Rule
from finetrail.data.validation.rules import RowPolicy, RowRule, active, row_rule
from finetrail.settings import Settings
from finetrail.targets.boxes.faults import FACTS, FAULTS
from finetrail.targets.label_rules import (
    Allowed,
    NamedLabelRules,
    RareLabel,
    count_unknown,
    find_rare,
    first_names,
    labels_left_rule,
    names_in,
    rare_label_rule,
    spelled_otherwise,
    spelling_rule,
    unknown_label_rule,
)

if TYPE_CHECKING:
    import pandas as pd


_CLASS = 0
"""Where a box has its class in the key of a label."""


class Outside(Settings):
    """A box that reaches more than `pixels` out of its image; what is outside is cut off where the row is used."""

    policy: RowPolicy = "quarantine"
    pixels: float = Field(default=1.0, ge=0)


class Tiny(Settings):
    """A box with a side of less than `pixels`."""

    policy: RowPolicy = "quarantine"
    pixels: float = Field(default=1.0, ge=0)


class Warned(Settings):
    """A rule that warns by default: the rows found are used."""

    policy: Literal["fail", "quarantine", "warn", "off"] = "warn"


class BoxRules(NamedLabelRules):
    """The entries of section `validation` of params.yaml for boxes."""

    wrong_corners: RowRule = RowRule()
    no_area: RowRule = RowRule()
    tiny_box: Tiny = Tiny()
    outside_image: Outside = Outside()
    other_size: RowRule = RowRule()
    repeated_box: Warned = Warned()
    crowd: Allowed = Allowed()
    background: Allowed = Allowed()
    rare_label: RareLabel = RareLabel()

    label_facts = FACTS
    label_key: ClassVar[str] = "label"

    def own_label_rules(self) -> tuple[Rule, ...]:
        remedy = "correct the boxes"
        own = [
            replace(row_rule(self, name, None, expects, wrong, Null(name), remedy=remedy), tells=name)
            for name, (expects, wrong) in FAULTS.items()
        ]
        tiny, out = self.tiny_box.pixels, self.outside_image.pixels
        unknown = [] if self.unknown_label.labels is None else [Between("unknown_classes", high=0)]
        return (
            *own,
            row_rule(
                self,
                "tiny_box",
                tiny,
                f"Every side of a box has at least {tiny:g} pixels",
                f"with a box that has a side of less than {tiny:g} pixels",
                Between("box_side", low=tiny),
                remedy="remove these boxes, or lower validation.tiny_box.pixels",
            ),
            replace(
                row_rule(
                    self,
                    "outside_image",
                    out,
                    f"No box reaches more than {out:g} pixels out of its image",
                    f"with a box that reaches more than {out:g} pixels out of its image",
                    Null("outside_image"),
                    remedy="correct the boxes, set source.columns.box, or raise validation.outside_image.pixels",
                ),
                tells="outside_image",
            ),
            replace(
                row_rule(
                    self,
                    "other_size",
                    None,
                    "Every image has the size that its boxes were drawn on",
                    "whose boxes were drawn on an image of another size",
                    Null("other_size"),
                    remedy="draw the boxes on the upright image, or save the image as it was when they were drawn",
                ),
                tells="other_size",
            ),
            row_rule(
                self,
                "background",
                None,
                "Every image has a box",
                "without a box",
                Between("boxes", low=1),
                remedy="draw its boxes, or allow images without any by validation.background",
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
                "At least one image with a box is left",
                "no image with a box is left",
                "a model needs boxes to learn from; add some",
            ),
        )

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        table["unknown_classes"] = count_unknown(table, names_in(table["label"], _CLASS), self.unknown_label)
        table["outside_image"] = _texts(table, [_outside(row, self.outside_image.pixels) for row in _rows(table)])
        table["other_size"] = _texts(table, [_other_size(row) for row in _rows(table)])
        bad = active(self.unknown_label, table["unknown_classes"] > 0) | spelled_otherwise(self, table)
        bad |= active(self.tiny_box, table["box_side"] < self.tiny_box.pixels)
        bad |= active(self.background, table["boxes"] == 0)
        for name in (*FAULTS, "outside_image", "other_size"):
            bad |= active(getattr(self, name), table[name].notna())
        return bad

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        names = names_in(used["label"], _CLASS)
        rare = find_rare(self.rare_label, table, used, names, "rows_of_rarest_class")
        table["label_used"] = first_names(names, used)[~rare]

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        """How many boxes of each class, and how many images without any."""
        found = [json.loads(key) for key in labels]
        boxes = Counter(box[0] for of_image in found for box in of_image)
        none = sum(not of_image for of_image in found)
        return {**boxes, **({"(images without a box)": none} if none else {})}


def _rows(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """The sizes of each row: of its image, of what its boxes were drawn on, and how far they reach."""
    names = ["width", "height", "drawn_width", "drawn_height", "box_left", "box_top", "box_right", "box_bottom"]
    found: Any = table[names].astype("float64").to_dict("records")
    return list(found)


def _outside(row: dict[str, Any], pixels: float) -> str | None:
    """By how much the boxes of a row reach out of its image; NaN compares as false."""
    out = max(
        -row["box_left"], -row["box_top"], row["box_right"] - row["width"], row["box_bottom"] - row["height"], key=_high
    )
    return f"by {out:g} pixels" if out > pixels else None


def _high(value: float) -> float:
    return float("-inf") if math.isnan(value) else value


def _other_size(row: dict[str, Any]) -> str | None:
    wide, high, drawn = row["width"], row["height"], (row["drawn_width"], row["drawn_height"])
    if not drawn[0] > 0 or not wide > 0 or drawn == (wide, high):
        return None
    turned = ": it was turned as its EXIF data says" if drawn == (high, wide) else ""
    return f"drawn on {drawn[0]:g} x {drawn[1]:g} pixels, the image has {wide:g} x {high:g}{turned}"


def _texts(table: "pd.DataFrame", texts: Sequence[str | None]) -> "pd.Series[str]":
    import pandas as pd

    return pd.Series(list(texts), index=table.index, dtype="str")
