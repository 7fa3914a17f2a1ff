"""What makes a row of any kind fit to train on: the rules on the manifest and repetitions, and what label rules add.

The rules that compare rows, from `conflicting_label` on in the order of a catalogue, look only at rows that no earlier
rule has put aside: rows without content are not duplicates of each other, and a label is rare among the rows that would
be used. Great Expectations (`expectations.py`) then checks columns; this is plain pandas. The rules for one kind of
content or label are in its own folder. Rules see a label as its key: a string that equal labels share.
"""

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from finetrail.data.memory import give_back
from finetrail.data.validation.findings import Between, Check, HasColumns, InSet, NotNull, Null, OfType, Rule, Unique
from finetrail.data.validation.quarantined import Quarantined
from finetrail.data.validation.spellings import Spellings
from finetrail.settings import Settings
from finetrail.workspace import SPLITS

if TYPE_CHECKING:
    import pandas as pd

# The columns of every manifest, and their types; a kind of content adds its facts to these.
_STRINGS = ("id", "source", "split", "label", "label_text", "group", "sha256")
COLUMNS = dict.fromkeys(_STRINGS, "string") | {"row": "int64"}
# A column of whole numbers with gaps comes out of Parquet as float64.
PANDAS_TYPES = {"string": ("str",), "int64": ("int64", "float64"), "float64": ("float64",)}
INFERRED = {"string": {"string", "empty"}, "int64": {"integer", "floating", "empty"}, "float64": {"floating", "empty"}}

RowPolicy = Literal["fail", "quarantine", "off"]


class Needed(Settings):
    """A rule that cannot be switched off, because no stage can use a row that breaks it."""

    policy: Literal["fail", "quarantine"] = "quarantine"


class RowRule(Settings):
    """A rule about rows: rows that break it stop the pipeline, are put aside, or are used as they are."""

    policy: RowPolicy = "quarantine"


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


class CommonRules(Settings):
    """The entries of section `validation` of params.yaml that all kinds of content and label share.

    Attributes:
        facts: the manifest's columns that a kind of content adds to `COLUMNS`, and their types.
        label_facts: those that a kind of label adds.
        content_key: the column that is equal for equal contents.
        label_key: the column that is equal for equal labels.
        unlabelled: what is wrong with a row without a label.
    """

    missing_label: Needed = Needed()
    conflicting_label: RowRule = RowRule()
    duplicate: RowRule = RowRule()
    max_quarantined: Quarantined = Quarantined()

    facts: ClassVar[Mapping[str, str]]
    label_facts: ClassVar[Mapping[str, str]] = {}
    content_key: ClassVar[str] = "sha256"
    label_key: ClassVar[str]
    unlabelled: ClassVar[str] = "without a label"

    @property
    def manifest(self) -> dict[str, str]:
        """The columns of the manifest that the rules look at, and their types."""
        return {**COLUMNS, **self.facts, **self.label_facts}

    @abstractmethod
    def catalogue(self) -> "tuple[Rule, ...]":
        """Return every rule in the order of application; those that params.yaml cannot change come first and last."""

    @abstractmethod
    def derive(self, manifest: "pd.DataFrame") -> "pd.DataFrame":
        """Add the columns that the rules check; those that compare rows are null in rows already put aside."""

    @abstractmethod
    def excerpts(self, raw: Path, manifest: "pd.DataFrame", ids: Collection[str]) -> dict[str, str]:
        """Return what quarantine.csv shows of the contents of these rows, by id."""

    @abstractmethod
    def own_label_rules(self) -> "tuple[Rule, ...]":
        """Return the rules about the label of a single row, besides that it has one."""

    @abstractmethod
    def rules_of_all(self) -> "tuple[Rule, ...]":
        """Return the rules about all remaining labels."""

    @abstractmethod
    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        """Add the columns of `own_label_rules`, and `label_key`; return the rows that they put aside."""

    @abstractmethod
    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        """Add the columns of `rules_of_all` to the table. Args: used: its rows that no earlier rule has put aside."""

    def spellings(self, names: Mapping[str, int]) -> Spellings:
        """Which names of labels are spellings of one. Args: names: how many rows have each."""
        return Spellings()

    def said(self, manifest: "pd.DataFrame") -> "pd.DataFrame":
        """Return the manifest with labels for people, where keys are too long to be read."""
        return manifest

    @abstractmethod
    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        """Return what validation.json says about the remaining labels."""


def row_rule(
    rules: Settings, name: str, bound: Any, expects: str, wrong: str, *checks: Check, remedy: str = "correct the source"
) -> Rule:
    """Build a rule about rows; its policy is in the section's entry of the same name."""
    return Rule(name, getattr(rules, name).policy, bound, "rows", expects, wrong, remedy, checks)


def schema_rule(columns: Mapping[str, str]) -> Rule:
    """The columns of the manifest and their types."""
    types = tuple(OfType(name, PANDAS_TYPES[kind]) for name, kind in columns.items())
    needed = tuple(NotNull(name) for name in ("id", "source", "row"))
    checks: tuple[Check, ...] = (HasColumns(tuple(columns)), *types, *needed, Unique("id"), InSet("split", SPLITS))
    return Rule(
        "schema",
        "fail",
        None,
        "table",
        "The manifest has its columns, of the right types, and each id once",
        "the manifest is not as `ingest` writes it",
        "run `finetrail ingest` again",
        checks,
        "faults",
    )


def label_rules(rules: CommonRules) -> tuple[Rule, ...]:
    """The rules about the label of a single row."""
    missing = row_rule(rules, "missing_label", None, "Every row has a label", rules.unlabelled, NotNull("label"))
    return (missing, *rules.own_label_rules())


def repetition_rules(rules: CommonRules, content: str) -> tuple[Rule, ...]:
    """The rules about equal contents. Args: content: what to call one, such as "text"."""
    conflicting = row_rule(
        rules,
        "conflicting_label",
        None,
        f"Equal {content}s have equal labels",
        f"whose {content} also has another label",
        Between("labels_of_content", high=1),
    )
    duplicate = row_rule(
        rules,
        "duplicate",
        None,
        f"No {content} occurs twice with the same label",
        f"that repeat an earlier row, {content} and label",
        Null("duplicate_of"),
        remedy="remove the repetitions",
    )
    return conflicting, duplicate


def fits(manifest: "pd.DataFrame", columns: Mapping[str, str]) -> bool:
    """Whether `derive` can work on the manifest: the columns exist and hold values of their types."""
    from pandas.api.types import infer_dtype

    return all(name in manifest and infer_dtype(manifest[name]) in INFERRED[kind] for name, kind in columns.items())


def prepare(manifest: "pd.DataFrame", columns: Mapping[str, str]) -> "pd.DataFrame":
    """Return the manifest to derive from: string columns have the string type even if all their values are missing."""
    strings = [name for name, kind in columns.items() if kind == "string"]
    return manifest.astype(dict.fromkeys(strings, "str"))


def compare(
    table: "pd.DataFrame",
    found: "pd.Series[bool]",
    rules: CommonRules,
    near: "Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]" = lambda table, used: used,
) -> "pd.DataFrame":
    """Add the columns that compare rows.

    Args:
        table: from `prepare`; the columns are added to it.
        found: the rows without usable content.
        near: adds the columns about near duplicates to the first table, and returns the rows of the second that then
            remain.

    Returns:
        The table, with `labels_of_content` (number of different labels of that content), `duplicate_of` (id of the row
        that it repeats), and the columns that the rules about labels add.
    """
    bad = rules.judge_labels(table)
    used = without(table, found | table["sha256"].isna() | table["label"].isna() | bad)
    key, content = rules.label_key, rules.content_key

    table["labels_of_content"] = used.groupby(content)[key].transform("nunique").astype("Int64")
    used = without(used, active(rules.conflicting_label, table.loc[used.index, "labels_of_content"] > 1))
    table["duplicate_of"] = repeated(used, [content, key])
    used = without(used, active(rules.duplicate, table.loc[used.index, "duplicate_of"].notna()))
    give_back()  # what grouping took
    used = near(table, used)
    rules.judge_all(table, used)
    return table


def repeated(used: "pd.DataFrame", by: list[str]) -> "pd.Series[str]":
    """Return the id of the row that each row repeats, null for a first one.

    Of equal rows the official test row stays, so that test results remain comparable with those of others.
    """
    rank = used["split"].map({name: rank for rank, name in enumerate(reversed(SPLITS))}).fillna(len(SPLITS))
    ordered = used[[*by, "id"]].loc[rank.sort_values(kind="stable").index]
    first = ordered.groupby(by)["id"].transform("first")
    return first.where(first != ordered["id"])


def without(table: "pd.DataFrame", found: "pd.Series[bool]") -> "pd.DataFrame":
    """The rows that were not found. Most often all of them: then no value is copied."""
    return table[~found] if found.any() else table.copy(deep=False)


def active(rule: Any, found: "pd.Series[bool]") -> "pd.Series[bool]":
    """The rows found, or none if the rule does not put them aside."""
    return found.fillna(False).astype(bool) & (rule.policy in ("fail", "quarantine"))
