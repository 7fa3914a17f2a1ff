"""What makes an image fit to train on: section `validation` of params.yaml for images."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from finetrail.contents.image.near import Images
from finetrail.data.validation.findings import Between, InSet, NotNull, Null, Rule
from finetrail.data.validation.rules import (
    CommonRules,
    Needed,
    RowPolicy,
    active,
    compare,
    label_rules,
    prepare,
    repeated,
    repetition_rules,
    row_rule,
    schema_rule,
    without,
)
from finetrail.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


class Size(Settings):
    """An image that is smaller or larger than allowed, in pixels of the upright image."""

    policy: RowPolicy = "quarantine"
    min_width: int = Field(default=1, ge=1)
    max_width: int = Field(default=20_000, ge=1)
    min_height: int = Field(default=1, ge=1)
    max_height: int = Field(default=20_000, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> "Size":
        for side in ("width", "height"):
            low, high = getattr(self, f"min_{side}"), getattr(self, f"max_{side}")
            if low > high:
                raise ValueError(f"min_{side} {low} is above max_{side} {high}; swap them")
        return self


class Aspect(Settings):
    """An image whose longer side is more than `max_ratio` times the shorter."""

    policy: RowPolicy = "quarantine"
    max_ratio: float = Field(default=10.0, ge=1)


class Mode(Settings):
    """An image whose stored mode is not listed (Pillow's names: L, RGB, P, CMYK, RGBA, I;16, ...); null allows all."""

    policy: RowPolicy = "quarantine"
    modes: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None


class Blank(Settings):
    """An image of one colour, or nearly: the standard deviation of its grey values (0..255) is below `min_contrast`."""

    policy: RowPolicy = "quarantine"
    min_contrast: float = Field(default=1.0, ge=0, le=127.5)


class NearRule(Settings):
    """Images whose perceptual hashes (256 bits) differ by at most `max_distance` bits: see `ImageSplit`."""

    policy: Literal["fail", "quarantine", "warn", "off"] = "warn"
    max_distance: int = Field(default=40, ge=0, le=96)


class ImageRules(CommonRules):
    """The entries that section `validation` of params.yaml has for images. The schema is always checked."""

    missing_image: Needed = Needed()
    undecodable: Needed = Needed()
    size: Size = Size()
    aspect: Aspect = Aspect()
    mode: Mode = Mode()
    blank: Blank = Blank()
    near_conflicting_label: NearRule = NearRule()
    near_duplicate: NearRule = NearRule()

    facts: ClassVar[Mapping[str, str]] = {
        "bytes": "int64",
        "width": "int64",
        "height": "int64",
        "mode": "string",
        "contrast": "float64",
        "perceptual_hash": "string",
        "error": "string",
    }

    def catalogue(self) -> tuple[Rule, ...]:
        """Every rule, in the order of application."""
        wide, high = (self.size.min_width, self.size.max_width), (self.size.min_height, self.size.max_height)
        ratio, contrast, modes = self.aspect.max_ratio, self.blank.min_contrast, self.mode.modes
        own = (
            schema_rule(self.manifest),
            row_rule(
                self,
                "missing_image",
                None,
                "Every row has an image",
                "without an image",
                NotNull("sha256"),
                remedy="put the files beside the table, under the paths that it names, and download what are addresses",
            ),
            row_rule(
                self,
                "undecodable",
                None,
                "Every image can be decoded",
                "whose image cannot be decoded",
                Null("error"),
                remedy="save these files again, or remove them",
            ),
            row_rule(
                self,
                "size",
                [*wide, *high],
                f"Every image is {wide[0]} to {wide[1]} pixels wide and {high[0]} to {high[1]} high",
                f"whose image is not {wide[0]} to {wide[1]} pixels wide and {high[0]} to {high[1]} high",
                Between("width", *wide),
                Between("height", *high),
                remedy="change the bounds in validation.size",
            ),
            row_rule(
                self,
                "aspect",
                ratio,
                f"No image is more than {ratio:g} times as long as wide or as wide as long",
                f"whose image is more than {ratio:g} times as long as wide or as wide as long",
                Between("aspect", high=ratio),
                remedy="crop these images, or raise validation.aspect.max_ratio",
            ),
            row_rule(
                self,
                "mode",
                None if modes is None else list(modes),
                "Every mode is allowed" if modes is None else f"Every image is stored as {' or '.join(modes)}",
                "whose image is stored in a mode that is not allowed",
                *([] if modes is None else [InSet("mode", modes)]),
                remedy="convert these images, or add their mode to validation.mode.modes",
            ),
            row_rule(
                self,
                "blank",
                contrast,
                f"The grey values of every image deviate by {contrast:g} or more",
                f"whose image is blank (its grey values deviate by less than {contrast:g} of 255)",
                Between("contrast", low=contrast),
                remedy="remove them, or lower validation.blank.min_contrast",
            ),
        )
        repeated_rules = (*repetition_rules(self, "image"), *self._near_rules())
        return (*own, *label_rules(self), *repeated_rules, *self.rules_of_all())

    def _near_rules(self) -> tuple[Rule, ...]:
        conflict, twice = self.near_conflicting_label.max_distance, self.near_duplicate.max_distance
        return (
            row_rule(
                self,
                "near_conflicting_label",
                conflict,
                "Nearly equal images have equal labels",
                "whose image, or one nearly equal, also has another label",
                Null("near_other_label"),
                remedy="correct the labels, or lower validation.near_conflicting_label.max_distance",
            ),
            row_rule(
                self,
                "near_duplicate",
                twice,
                "No two images with the same label are nearly equal",
                "whose image is nearly equal to that of another row with the same label",
                Null("near_duplicate_of"),
                remedy="remove the repetitions, or lower validation.near_duplicate.max_distance",
            ),
        )

    def derive(self, manifest: "pd.DataFrame") -> "pd.DataFrame":
        """Add the columns that the rules check to the manifest.

        Returns:
            The manifest with `aspect` (longer side over shorter), the columns of `compare`, `near_other_label` (the
            row's own label, if a near image has another one) and `near_duplicate_of` (the id of the row that is kept
            of a chain of near images of one label).
        """
        table = prepare(manifest, self.manifest)
        table["error"] = table["error"].where(table["sha256"].notna())  # else it says what is missing
        wide, high = table["width"], table["height"]
        table["aspect"] = (wide / high).where(wide >= high, high / wide).astype("float64")
        size = self.size
        inside = wide.between(size.min_width, size.max_width) & high.between(size.min_height, size.max_height)
        modes = self.mode.modes
        foreign = ~table["mode"].isin(list(modes or ())) & table["mode"].notna() & (modes is not None)
        broken = table["error"].notna()
        found = broken | active(self.size, wide.notna() & ~inside) | active(self.mode, foreign)
        found |= active(self.aspect, table["aspect"] > self.aspect.max_ratio)
        found |= active(self.blank, table["contrast"] < self.blank.min_contrast)
        return compare(table, found, self, self._near)

    def excerpts(self, raw: Path, manifest: "pd.DataFrame", ids: Collection[str]) -> dict[str, str]:
        """Why these images are missing or cannot be decoded, by id; nothing for those that can."""
        broken = manifest[manifest["error"].notna()]
        return {str(name): str(error) for name, error in broken[["id", "error"]].to_numpy() if name in ids}

    def _near(self, table: "pd.DataFrame", used: "pd.DataFrame") -> "pd.DataFrame":
        for name in ("near_other_label", "near_duplicate_of"):
            table[name] = used["id"].iloc[:0]
        conflict, twice = self.near_conflicting_label, self.near_duplicate
        images, known = None, used
        if conflict.policy != "off":
            images = _images(used, conflict)
            table["near_other_label"] = used["label"].where(images.beside(used[self.label_key].tolist()))
            used = without(used, active(conflict, table.loc[used.index, "near_other_label"].notna()))
        if twice.policy != "off":
            if images is None or len(used) < len(known) or twice.max_distance != conflict.max_distance:
                images = _images(used, twice)
            clusters: Any = images.clusters()
            table["near_duplicate_of"] = repeated(used.assign(cluster=clusters), ["cluster", self.label_key])
            used = without(used, active(self.near_duplicate, table.loc[used.index, "near_duplicate_of"].notna()))
        return used


def _images(used: "pd.DataFrame", rule: NearRule) -> Images:
    # Not as lists: their strings would be objects of Python.
    return Images(used["sha256"].array, used["perceptual_hash"].array, rule.max_distance)
