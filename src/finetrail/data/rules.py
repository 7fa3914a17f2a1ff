"""What makes a row of any kind fit to train on: the rules about labels, repetitions and classes, and the manifest.

The rules that compare rows, from `conflicting_label` on in the order of a catalogue, look only at rows that no earlier
rule has put aside: rows without content are no duplicates of each other, and a label is rare among the rows that would
be used. Great Expectations (`expectations.py`) then checks columns; here is plain pandas. What is said of texts and of
images alone stands in `text_rules.py` and `image_rules.py`.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import Field

from finetrail.data.findings import AtLeast, Between, Check, HasColumns, InSet, NotNull, Null, OfType, Rule, Unique
from finetrail.settings import Settings
from finetrail.workspace import SPLITS

if TYPE_CHECKING:
    import pandas as pd

# The columns of every manifest, and of what type they are; a kind of content adds its facts to these.
COLUMNS = dict.fromkeys(("id", "source", "split", "label", "group", "sha256"), "string") | {"row": "int64"}
# A column of whole numbers with gaps comes out of Parquet as float64.
PANDAS_TYPES = {"string": ("str",), "int64": ("int64", "float64"), "float64": ("float64",)}
INFERRED = {"string": {"string", "empty"}, "int64": {"integer", "floating", "empty"}, "float64": {"floating", "empty"}}

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


class ClassBalance(Settings):
    """The largest class has more than `max_ratio` times the rows of the smallest; no single row is at fault."""

    policy: Literal["fail", "warn", "off"] = "warn"
    max_ratio: float = Field(default=20.0, ge=1)


class CommonRules(Settings):
    """The entries that section `validation` of params.yaml has for every kind of content."""

    missing_label: Needed = Needed()
    unknown_label: UnknownLabel = UnknownLabel()
    conflicting_label: RowRule = RowRule()
    duplicate: RowRule = RowRule()
    rare_label: RareLabel = RareLabel()
    class_balance: ClassBalance = ClassBalance()


class Validation(Protocol):
    """Section `validation` of params.yaml for one kind of content: `TextValidation` or `ImageValidation`."""

    @property
    def facts(self) -> Mapping[str, str]:
        """The columns of the manifest that the rules look at, besides `COLUMNS`, and their types."""
        ...

    def catalogue(self) -> tuple[Rule, ...]:
        """Every rule in the order in which it is applied; those that params.yaml cannot change stand at both ends."""
        ...

    def derive(self, manifest: "pd.DataFrame") -> "pd.DataFrame":
        """Add the columns that the rules are checked on; those that compare rows are null in rows put aside before."""
        ...

    def excerpts(self, raw: Path, manifest: "pd.DataFrame", ids: Collection[str]) -> dict[str, str]:
        """What quarantine.csv shows of the contents of these rows, by id."""
        ...


def row_rule(
    rules: Settings, name: str, bound: Any, expects: str, wrong: str, *checks: Check, remedy: str = "correct the source"
) -> Rule:
    """A rule about rows, whose policy stands in the section's entry of its name."""
    return Rule(name, getattr(rules, name).policy, bound, "rows", expects, wrong, remedy, checks)


def schema_rule(facts: Mapping[str, str]) -> Rule:
    """The columns and their types."""
    columns = COLUMNS | dict(facts)
    types = tuple(OfType(name, PANDAS_TYPES[kind]) for name, kind in columns.items())
    needed = tuple(NotNull(name) for name in ("id", "source", "row"))
    checks: tuple[Check, ...] = (
        HasColumns(tuple(columns)), *types, *needed, Unique("id"), InSet("split", SPLITS)
    )  # fmt: skip
    return Rule("schema", "fail", None, "table", "The manifest has its columns, of the right types, and each id once",
                "the manifest is not as `ingest` writes it", "run `finetrail ingest` again", checks,
                "faults")  # fmt: skip


def label_rules(rules: CommonRules) -> tuple[Rule, ...]:
    """The rules about the label of a single row."""
    labels = rules.unknown_label.labels
    return (
        row_rule(rules, "missing_label", None, "Every row has a label", "without a label", NotNull("label")),
        row_rule(rules, "unknown_label", None if labels is None else list(labels),
                 "Every label is allowed" if labels is None else f"Every label is one of the {len(labels)} allowed",
                 "with a label that is not allowed", *([] if labels is None else [InSet("label", labels)]),
                 remedy="correct the label, or add it to validation.unknown_label.labels"),
    )  # fmt: skip


def repetition_rules(rules: CommonRules, content: str) -> tuple[Rule, ...]:
    """The rules about equal contents. Args: content: what one is called, such as "text"."""
    return (
        row_rule(rules, "conflicting_label", None, f"Equal {content}s have equal labels",
                 f"whose {content} also stands under another label", Between("labels_of_content", high=1)),
        row_rule(rules, "duplicate", None, f"No {content} stands twice under the same label",
                 f"that repeat an earlier row, {content} and label", Null("duplicate_of"),
                 remedy="remove the repetitions"),
    )  # fmt: skip


def class_rules(rules: CommonRules) -> tuple[Rule, ...]:
    """The rules about the rows of each label that are left."""
    rare, ratio = rules.rare_label.min_rows, rules.class_balance.max_ratio
    return (
        row_rule(rules, "rare_label", rare, f"Every label has at least {rare} rows",
                 f"whose label has fewer than {rare} rows", Between("rows_of_label", low=rare),
                 remedy="add rows of that label, or lower validation.rare_label.min_rows"),
        Rule("class_balance", rules.class_balance.policy, ratio, "table",
             f"No label has more than {ratio:g} times the rows of another",
             f"of labels that the most frequent one outnumbers more than {ratio:g} to 1",
             "add rows of these labels, or raise validation.class_balance.max_ratio",
             (Between("largest_class_times", high=ratio),)),
        Rule("two_labels", "fail", 2, "table", "At least two labels are left to tell apart",
             "fewer than two labels are left", "a classifier needs rows of at least two labels; add some",
             (AtLeast("label_used", 2),), "faults"),
    )  # fmt: skip


def fits(manifest: "pd.DataFrame", facts: Mapping[str, str]) -> bool:
    """Whether `derive` can work on the manifest: the columns are there, and hold what their names say."""
    from pandas.api.types import infer_dtype

    columns = COLUMNS | dict(facts)
    return all(name in manifest and infer_dtype(manifest[name]) in INFERRED[kind] for name, kind in columns.items())


def prepare(manifest: "pd.DataFrame", facts: Mapping[str, str]) -> "pd.DataFrame":
    """The manifest to derive from: strings as strings even where all are missing, and blank labels as missing ones."""
    strings = [name for name, kind in (COLUMNS | dict(facts)).items() if kind == "string"]
    table = manifest.astype(dict.fromkeys(strings, "str"))
    table["label"] = table["label"].where(table["label"].str.strip() != "")
    return table


def compare(
    table: "pd.DataFrame",
    found: "pd.Series[bool]",
    rules: CommonRules,
    near: "Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]" = lambda table, used: used,
) -> "pd.DataFrame":
    """Add what is known by comparing rows.

    Args:
        table: of `prepare`; the columns are added to it.
        found: the rows without usable content.
        near: adds the columns about rows that are nearly the same to the first table, and returns the rows of the
            second that are then left.

    Returns:
        The table, with `labels_of_content` (different labels of that content), `duplicate_of` (id of the row that is
        repeated), `rows_of_label`, `label_used` and `largest_class_times` (rows of the largest class over rows of this
        one).
    """
    names = rules.unknown_label.labels
    unknown = table["label"].notna() & ~table["label"].isin(list(names or ())) & (names is not None)
    used = table[~(found | table["sha256"].isna() | table["label"].isna() | active(rules.unknown_label, unknown))]

    table["labels_of_content"] = used.groupby("sha256")["label"].transform("nunique").astype("Int64")
    used = used[~active(rules.conflicting_label, table.loc[used.index, "labels_of_content"] > 1)]
    table["duplicate_of"] = repeated(used, ["sha256", "label"])
    used = used[~active(rules.duplicate, table.loc[used.index, "duplicate_of"].notna())]
    used = near(table, used)

    table["rows_of_label"] = used.groupby("label")["id"].transform("size").astype("Int64")
    used = used[~active(rules.rare_label, table.loc[used.index, "rows_of_label"] < rules.rare_label.min_rows)]
    table["label_used"] = used["label"]
    sizes = used.groupby("label")["id"].transform("size")
    table["largest_class_times"] = (sizes.max() / sizes).astype("float64")
    return table


def repeated(used: "pd.DataFrame", by: list[str]) -> "pd.Series[str]":
    """The id of the row that each row repeats, null for a first one.

    Of equal rows the official test row stays, so that test results can be compared with those of others.
    """
    rank = used["split"].map({name: rank for rank, name in enumerate(reversed(SPLITS))}).fillna(len(SPLITS))
    ordered = used.loc[rank.sort_values(kind="stable").index]
    first = ordered.groupby(by)["id"].transform("first")
    return first.where(first != ordered["id"])


def active(rule: Any, found: "pd.Series[bool]") -> "pd.Series[bool]":
    """The rows found, or none of them if the rule does not put them aside."""
    return found.fillna(False).astype(bool) & (rule.policy in ("fail", "quarantine"))
