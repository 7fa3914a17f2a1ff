"""The rules about labels that are texts to write, and about such a text beside the one that it belongs to."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from finetrail.data.canonical import canonical
from finetrail.data.scripts import NO_SCRIPT, script
from finetrail.data.store.content import Kind
from finetrail.data.validation.findings import Between, InSet, Null, Rule
from finetrail.data.validation.rules import CommonRules, Length, RowPolicy, RowRule, active, repeated, row_rule
from finetrail.settings import Settings
from finetrail.targets.label_rules import Bounds, labels_left_rule
from finetrail.targets.sequences.sources import source_texts

if TYPE_CHECKING:
    import pandas as pd

FACTS: dict[str, Kind] = {
    "target_words": "int64",
    "target_characters": "int64",
    "target_share": "float64",
    "source_script": "string",
    "target_script": "string",
    "copied": "string",
}
SCRIPTS = ("source_script", "target_script")


class Tolerated(RowRule):
    """A rule that may also only warn: the rows that it finds are counted, and used."""

    policy: Literal["fail", "quarantine", "warn", "off"] = "warn"  # type: ignore[assignment]


class Script(Settings):
    """A text most of whose letters are of none of `scripts`; null allows every script, as do texts without letters."""

    policy: RowPolicy = "quarantine"
    scripts: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None


class SequenceRules(CommonRules):
    """The entries that section `validation` of params.yaml has where labels are texts."""

    conflicting_label: Tolerated = Tolerated()
    empty_target: RowRule = RowRule()
    target_length: Length = Length()
    copied_source: RowRule = RowRule()
    length_ratio: Bounds = Bounds()
    source_script: Script = Script()
    target_script: Script = Script()
    repeated_target: Tolerated = Tolerated()

    label_facts = FACTS
    label_key: ClassVar[str] = "compared_target"

    def own_label_rules(self) -> tuple[Rule, ...]:
        low, high = self.target_length.min_characters, self.target_length.max_characters
        ratio = self.length_ratio
        share = f"{ratio.words or 'any number of'} characters for each of its source"
        return (
            row_rule(
                self,
                "empty_target",
                None,
                "No target is empty or only white space or invisible characters",
                "whose target is empty or only white space or invisible characters",
                Between("target_words", low=1),
            ),
            row_rule(
                self,
                "target_length",
                [low, high],
                f"Every target has {low} to {high} characters",
                f"whose target has fewer than {low} or more than {high} characters",
                Between("target_size", low, high),
                remedy="change the bounds in validation.target_length",
            ),
            row_rule(
                self,
                "copied_source",
                None,
                "No target is the same text as its source",
                "whose target is the same text as its source",
                Null("copied"),
                remedy="correct the source, or set validation.copied_source.policy to off",
            ),
            row_rule(
                self,
                "length_ratio",
                [ratio.min, ratio.max] if ratio.words else None,
                f"Every target has {share}",
                f"whose target does not have {share}",
                *([Between("target_share", ratio.min, ratio.max)] if ratio.words else []),
                remedy="correct the source, or change the bounds in validation.length_ratio",
            ),
            *(self._script_rule(name, name.partition("_")[0]) for name in SCRIPTS),
        )

    def _script_rule(self, name: str, side: str) -> Rule:
        allowed = getattr(self, name).scripts
        listed = "any script" if allowed is None else ", ".join(allowed)
        return row_rule(
            self,
            name,
            None if allowed is None else list(allowed),
            f"Every {side} is written in {listed}",
            f"whose {side} is not written in {listed}",
            *([] if allowed is None else [InSet(name, (*allowed, NO_SCRIPT))]),
            remedy=f"correct the source, or add the script to validation.{name}.scripts",
        )

    def rules_of_all(self) -> tuple[Rule, ...]:
        again = row_rule(
            self,
            "repeated_target",
            None,
            "No target occurs twice",
            "whose target an earlier row has too",
            Null("repeats_target_of"),
            remedy="remove the repetitions",
        )
        different = labels_left_rule(
            2,
            "At least two different targets are left",
            "fewer than two different targets are left",
            "a model needs different texts to learn from; add some rows",
        )
        return again, different

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        """Add `compared_target`, and `target_size`: the characters of a target that is not empty."""
        import pandas as pd

        keys = [canonical(label) if isinstance(label, str) else None for label in table["label"]]
        table["compared_target"] = pd.Series(keys, index=table.index, dtype="str")
        empty = active(self.empty_target, table["target_words"] == 0)
        table["target_size"] = table["target_characters"].where(~empty).astype("Int64")
        low, high = self.target_length.min_characters, self.target_length.max_characters
        bad = empty | active(self.target_length, (table["target_size"] < low) | (table["target_size"] > high))
        bad |= active(self.copied_source, table["copied"].notna())
        bad |= self.length_ratio.broken(table["target_share"])
        for name in SCRIPTS:
            if (allowed := getattr(self, name).scripts) is not None:
                known = table[name].isna() | table[name].isin([*allowed, NO_SCRIPT])
                bad |= active(getattr(self, name), ~known)
        return bad

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        """Add `repeats_target_of`, the id of the row that has the target first, and `label_used`."""
        table["repeats_target_of"] = repeated(used, ["compared_target"])
        again = active(self.repeated_target, table.loc[used.index, "repeats_target_of"].notna())
        table["label_used"] = used["compared_target"][~again]

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        """Rows, and the least, mean and largest number of characters."""
        sizes = labels.str.len()
        if not len(sizes):
            return {"rows": 0}
        found = {"min": sizes.min(), "mean": sizes.mean(), "max": sizes.max()}
        return {"rows": len(sizes)} | {f"{name}_characters": float(value) for name, value in found.items()}


class CompletionRules(SequenceRules):
    """The same where the text to write is the last turn of a conversation."""

    unlabelled: ClassVar[str] = "without an assistant's turn at the end, so that there is nothing to learn"


def facts_of(label: str | None, content: Any) -> dict[str, object]:
    """What the rules need to know of a label and the texts that it belongs to."""
    found: dict[str, object] = dict.fromkeys(FACTS)
    if isinstance(label, str):
        found |= {"target_words": len(canonical(label).split()), "target_characters": len(label)}
        found["target_script"] = script(label)
    sources = source_texts(content)
    if all(isinstance(text, str) for text in sources):
        found["source_script"] = script(" ".join(sources))
        if isinstance(label, str):
            found["target_share"] = len(label) / max(1, sum(map(len, sources)))
            same = bool(label) and canonical(label) in map(canonical, sources)
            found["copied"] = "yes" if same else None
    return found
