"""The rules about several targets: those that each has for its kind, on its own columns of the table."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import create_model

from finetrail.data.validation.findings import Check, HasColumns, Null, Rule
from finetrail.data.validation.rules import CommonRules, Needed, row_rule
from finetrail.data.validation.spellings import Spellings
from finetrail.targets.label_rules import SpelledLabelRules, spelled_otherwise, spelling_rule
from finetrail.targets.several.parts import per_target

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import pandas as pd

    from finetrail.targets.target import Target

UNREAD = "label_of_no_target"
"""The column with the values that are no labels of their target."""


class SeveralRules(SpelledLabelRules):
    """The entries that section `validation` of params.yaml has where a row has labels of several targets.

    Attributes:
        targets: the rules of each for labels of its kind.
    """

    readable_label: Needed = Needed()
    targets: Any

    label_key: ClassVar[str] = "label"
    unlabelled: ClassVar[str] = "without a label of any target"

    @property
    def of_targets(self) -> Mapping[str, CommonRules]:
        """The rules of each target."""
        return {name: getattr(self.targets, name) for name in type(self.targets).model_fields}

    def own_label_rules(self) -> tuple[Rule, ...]:
        readable = row_rule(
            self,
            "readable_label",
            None,
            "Every label is one of its target's kind",
            "whose label is none of its target's kind",
            Null(UNREAD),
            remedy="correct the value, or leave it empty",
        )
        own = [
            _renamed(rule, name)
            for name, rules in self.of_targets.items()
            for rule in rules.own_label_rules()
            if rule.name not in type(self).model_fields
        ]
        return (spelling_rule(self), readable, *own)

    def rules_of_all(self) -> tuple[Rule, ...]:
        return tuple(_renamed(rule, name) for name, rules in self.of_targets.items() for rule in rules.rules_of_all())

    def spellings(self, names: Mapping[str, int]) -> Spellings:
        if self.label_spelling.policy == "off":
            return Spellings()
        numbers: dict[str, str] = {}
        others: dict[str, str] = {}
        for target, rules in self.of_targets.items():
            start = f"{target}: "
            own = {name.removeprefix(start): rows for name, rows in names.items() if name.startswith(start)}
            found = rules.spellings(own)
            numbers |= {f"{start}{old}": f"{start}{new}" for old, new in found.numbers.items()}
            others |= {f"{start}{old}": f"{start}{new}" for old, new in found.others.items()}
        return Spellings(numbers, others, self.label_spelling.policy == "merge")

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        """Add the columns of each target, and the values that are no labels."""
        import pandas as pd

        keys = [_labels(key) for key in table["label"]]
        unread = [None if one is not None else key for one, key in zip(keys, table["label"], strict=True)]
        table[UNREAD] = pd.Series(unread, index=table.index, dtype="str")
        found = spelled_otherwise(self, table) | table[UNREAD].notna()
        for name, rules in self.of_targets.items():
            labels = [(one or {}).get(name) for one in keys]
            own = pd.DataFrame({"label": pd.Series(labels, index=table.index, dtype="str"), "id": table["id"]})
            found = found | rules.judge_labels(own)
            _put(table, own, name)
        return found

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        for name, rules in self.of_targets.items():
            start = f"{name}."
            columns = [column for column in map(str, table) if column.startswith(start)]
            names = [column.removeprefix(start) for column in columns]
            own = table[columns].set_axis(names, axis=1).assign(id=table["id"])
            labelled = own.loc[used.index]
            rules.judge_all(own, labelled[labelled["label"].notna()])
            _put(table, own, name)

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        import pandas as pd

        keys = [_labels(key) or {} for key in labels]
        found: dict[str, float] = {}
        for name, rules in self.of_targets.items():
            own = pd.Series([one[name] for one in keys if name in one], dtype="str")
            found |= {f"{name}: {label}": number for label, number in rules.describe_labels(own).items()}
        return found


class _OfOne(CommonRules):
    """The rules of one target: they see labels only, and nothing of contents."""

    facts: ClassVar[Mapping[str, str]] = {}

    def catalogue(self) -> tuple[Rule, ...]:
        return self.own_label_rules()

    def derive(self, manifest: "pd.DataFrame") -> "pd.DataFrame":
        return manifest

    def excerpts(self, raw: "Path", manifest: "pd.DataFrame", ids: "Collection[str]") -> dict[str, str]:
        return {}


def rules_of(targets: "Mapping[str, Target]") -> type[SeveralRules]:
    """The target's part of section `validation`."""
    shared = set(SeveralRules.model_fields) - {"targets"}
    parts, default = per_target("Rules", targets, shared, lambda target: _concrete(target.Rules))
    return create_model("SeveralRules", __base__=SeveralRules, targets=(parts, default))


def _concrete(rules: type[Any]) -> type[Any]:
    made: type[Any] = create_model(rules.__name__, __base__=(_OfOne, rules))
    return made


def _labels(key: object) -> dict[str, str] | None:
    """The keys of a row's labels by target; None where the row has another value."""
    if not isinstance(key, str):
        return {}
    try:
        found = json.loads(key)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _put(table: "pd.DataFrame", own: "pd.DataFrame", name: str) -> None:
    """Lay the columns of one target beside those of the others."""
    for column in own:
        if column != "id":
            table[f"{name}.{column}"] = own[column]


def _renamed(rule: Rule, name: str) -> Rule:
    """A rule of one target, on its own columns."""
    return replace(
        rule,
        name=f"{name}.{rule.name}",
        expects=f"{rule.expects} ({name})",
        wrong=f"{rule.wrong} ({name})",
        remedy=rule.remedy.replace("validation.", f"validation.targets.{name}."),
        checks=tuple(_on(check, name) for check in rule.checks),
        tells=f"{name}.{rule.tells}" if rule.tells else "",
    )


def _on(check: Check, name: str) -> Check:
    if isinstance(check, HasColumns):
        return replace(check, columns=tuple(f"{name}.{column}" for column in check.columns))
    return replace(check, column=f"{name}.{check.column}")
