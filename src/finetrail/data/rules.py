"""What makes a row fit to train on: the settings of each rule, its words, and the columns that it is checked on.

The rules that compare rows, from `conflicting_label` on in the order of `catalogue`, look only at rows that no earlier
rule has found: rows without a text are no duplicates of each other, and a label is rare among the rows that would be
used. Great Expectations (`expectations.py`) then checks one column a rule; here is plain pandas.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from finetrail.settings import Settings
from finetrail.workspace import SPLITS

if TYPE_CHECKING:
    import pandas as pd

STRINGS = ("id", "source", "split", "label", "group", "sha256")
NUMBERS = ("row", "characters", "words")

RowPolicy = Literal["fail", "quarantine", "off"]


class Needed(Settings):
    """A rule that cannot be switched off, because no stage can use a row that breaks it."""

    policy: Literal["fail", "quarantine"] = "quarantine"


class RowRule(Settings):
    """A rule about rows: rows that break it stop the pipeline, or are put aside, or are used as they are."""

    policy: RowPolicy = "quarantine"


class UnknownLabel(Settings):
    """A label that is none of `labels`; null allows every label."""

    policy: RowPolicy = "fail"
    labels: Annotated[tuple[str, ...], Field(strict=False, min_length=2)] | None = None


class RareLabel(Settings):
    """A label with fewer than `min_rows` rows."""

    policy: RowPolicy = "fail"
    min_rows: int = Field(default=5, ge=1)


class Length(Settings):
    """A text with fewer or more characters than allowed."""

    policy: RowPolicy = "quarantine"
    min_characters: int = Field(default=1, ge=0)
    max_characters: int = Field(default=100_000, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> "Length":
        if self.min_characters > self.max_characters:
            raise ValueError(
                f"min_characters {self.min_characters} is above max_characters {self.max_characters}; swap them"
            )
        return self


class ClassBalance(Settings):
    """The largest class has more than `max_ratio` times the rows of the smallest; no single row is at fault."""

    policy: Literal["fail", "warn", "off"] = "warn"
    max_ratio: float = Field(default=20.0, ge=1)


class Validation(Settings):
    """Section `validation` of params.yaml: one entry a rule. The schema of the manifest is always checked."""

    missing_text: Needed = Needed()
    empty_text: RowRule = RowRule()
    length: Length = Length()
    missing_label: Needed = Needed()
    unknown_label: UnknownLabel = UnknownLabel()
    conflicting_label: RowRule = RowRule()
    duplicate: RowRule = RowRule()
    rare_label: RareLabel = RareLabel()
    class_balance: ClassBalance = ClassBalance()


@dataclass(frozen=True)
class Rule:
    """A rule as a person reads it.

    Attributes:
        policy: what happens to the rows found: `fail`, `quarantine`, `warn`, or `off` for a rule that is not checked.
        bound: the number, pair or list that params.yaml sets, if the rule has one.
        about: `rows`: rows are found one by one and put aside; `table`: the table as a whole is at fault.
        expects: what holds if nothing is found, as a sentence.
        wrong: what is wrong with the rows found, to be read after "3 rows".
        remedy: what a person can do about it, besides changing the policy.
    """

    name: str
    policy: str
    bound: Any
    about: Literal["rows", "table"]
    expects: str
    wrong: str
    remedy: str


@dataclass(frozen=True)
class Finding:
    """What a rule found: how many rows, and which; for `schema` and `two_labels`, how many faults, and which."""

    rule: Rule
    unexpected: int
    ids: tuple[str, ...] = ()
    detail: str = ""

    @property
    def success(self) -> bool:
        return self.unexpected == 0

    @property
    def failed(self) -> bool:
        """Whether this stops the pipeline."""
        return self.rule.policy == "fail" and not self.success

    @property
    def rows(self) -> str:
        """How many, as in "1 row"."""
        return "1 row" if self.unexpected == 1 else f"{self.unexpected} rows"

    @property
    def message(self) -> str:
        """The finding in words."""
        if self.rule.policy == "off":
            return "not checked (policy off)"
        if self.success:
            return self.rule.expects
        if not self.ids:
            return f"{self.rule.wrong} ({self.detail})"
        outcome = {"fail": "stops the pipeline", "quarantine": "put aside", "warn": "a warning only, they are used"}
        return f"{self.rows} {self.rule.wrong}: {outcome[self.rule.policy]}"


def catalogue(rules: Validation) -> tuple[Rule, ...]:
    """Every rule in the order in which it is applied; those that params.yaml cannot change stand at both ends."""
    labels, low, high = rules.unknown_label.labels, rules.length.min_characters, rules.length.max_characters
    rare, ratio = rules.rare_label.min_rows, rules.class_balance.max_ratio

    def row(name: str, bound: Any, expects: str, wrong: str, remedy: str = "correct the source") -> Rule:
        return Rule(name, getattr(rules, name).policy, bound, "rows", expects, wrong, remedy)

    return (
        Rule("schema", "fail", None, "table", "The manifest has its columns, of the right types, and each id once",
             "the manifest is not as `ingest` writes it", "run `finetrail ingest` again"),
        row("missing_text", None, "Every row has a text", "without a text"),
        row("empty_text", None, "No text is empty or only white space", "whose text is empty or only white space"),
        row("length", [low, high], f"Every text has {low} to {high} characters",
            f"with fewer than {low} or more than {high} characters", "change the bounds in validation.length"),
        row("missing_label", None, "Every row has a label", "without a label"),
        row("unknown_label", None if labels is None else list(labels),
            "Every label is allowed" if labels is None else f"Every label is one of the {len(labels)} allowed",
            "with a label that is not allowed", "correct the label, or add it to validation.unknown_label.labels"),
        row("conflicting_label", None, "Equal texts have equal labels", "whose text also stands under another label"),
        row("duplicate", None, "No text stands twice under the same label",
            "that repeat an earlier row, text and label", "remove the repetitions"),
        row("rare_label", rare, f"Every label has at least {rare} rows", f"whose label has fewer than {rare} rows",
            "add rows of that label, or lower validation.rare_label.min_rows"),
        Rule("class_balance", rules.class_balance.policy, ratio, "table",
             f"No label has more than {ratio:g} times the rows of another",
             f"of labels that the most frequent one outnumbers more than {ratio:g} to 1",
             "add rows of these labels, or raise validation.class_balance.max_ratio"),
        Rule("two_labels", "fail", 2, "table", "At least two labels are left to tell apart",
             "fewer than two labels are left", "a classifier needs rows of at least two labels; add some"),
    )  # fmt: skip


def fits(manifest: "pd.DataFrame") -> bool:
    """Whether `derive` can work on the manifest: the columns are there, and hold what their names say."""
    from pandas.api.types import infer_dtype

    kinds = dict.fromkeys(STRINGS, ("string", "empty")) | dict.fromkeys(NUMBERS, ("integer", "floating", "empty"))
    return all(name in manifest and infer_dtype(manifest[name], skipna=True) in kind for name, kind in kinds.items())


def derive(manifest: "pd.DataFrame", rules: Validation) -> "pd.DataFrame":
    """Add the columns that the rules are checked on; those that compare rows are null in rows that a rule has found.

    Returns:
        The manifest, with blank labels as null, and: `length` (characters), `labels_of_text` (different labels of that
        text), `duplicate_of` (id of the row that is repeated), `rows_of_label`, `label_used` and `largest_class_times`
        (rows of the largest class over rows of this one).
    """
    import pandas as pd

    table = manifest.astype(dict.fromkeys(STRINGS, "str"))
    label = table["label"] = table["label"].where(table["label"].str.strip() != "")
    empty = _active(rules.empty_text, table["words"] == 0)
    table["length"] = table["characters"].where(~empty).astype("Int64")
    bad_length = (table["length"] < rules.length.min_characters) | (table["length"] > rules.length.max_characters)
    names = rules.unknown_label.labels
    unknown = pd.Series(False, table.index) if names is None else label.notna() & ~label.isin(list(names))
    found = table["sha256"].isna() | empty | _active(rules.length, bad_length.fillna(False)) | label.isna()
    used = table[~(found | _active(rules.unknown_label, unknown))]

    table["labels_of_text"] = used.groupby("sha256")["label"].transform("nunique").astype("Int64")
    used = used[~_active(rules.conflicting_label, table.loc[used.index, "labels_of_text"] > 1)]

    # Of equal rows the official test row stays, so that test results can be compared with those of others.
    rank = used["split"].map({name: rank for rank, name in enumerate(reversed(SPLITS))}).fillna(len(SPLITS))
    ordered = used.loc[rank.sort_values(kind="stable").index]
    first = ordered.groupby(["sha256", "label"])["id"].transform("first")
    table["duplicate_of"] = first.where(first != ordered["id"])
    used = used[~_active(rules.duplicate, table.loc[used.index, "duplicate_of"].notna())]

    table["rows_of_label"] = used.groupby("label")["id"].transform("size").astype("Int64")
    used = used[~_active(rules.rare_label, table.loc[used.index, "rows_of_label"] < rules.rare_label.min_rows)]
    table["label_used"] = used["label"]
    sizes = used.groupby("label")["id"].transform("size")
    table["largest_class_times"] = (sizes.max() / sizes).astype("float64")
    return table


def _active(rule: RowRule | UnknownLabel | RareLabel | Length, found: "pd.Series[bool]") -> "pd.Series[bool]":
    """The rows found, or none of them if the rule is off."""
    return found.astype(bool) & (rule.policy != "off")
