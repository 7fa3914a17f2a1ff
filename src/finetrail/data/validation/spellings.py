"""Names of classes that differ only by case, white space or normal form: found, named, and merged where asked for."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from finetrail.data.canonical import canonical, folded, shown
from finetrail.data.store.raw import is_null

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

COLUMN = "spelling"
"""Of the manifest that rules look at: the names of a row's label that are spelled another way, as a person reads it."""
_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")


class ComparedLabel(Protocol):
    """What comparing labels asks of a kind of target; see `finetrail.targets.target.Target`."""

    def arrow(self) -> "pa.DataType": ...

    def key(self, label: Any) -> str: ...

    def names(self, label: Any) -> Iterable[str]: ...

    def renamed(self, label: Any, names: Mapping[str, str]) -> Any: ...


@dataclass(frozen=True)
class Spellings:
    """Which names are spellings of which.

    Attributes:
        numbers: whole numbers written with a fraction, such as 3.0, by what they are: always one class.
        others: any other spelling, by the name that stays.
        merge: whether the others are merged too.
    """

    numbers: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    merge: bool = False

    @property
    def merged(self) -> dict[str, str]:
        """The names that are taken as another one."""
        return {**self.numbers, **(self.others if self.merge else {})}


def find(names: Mapping[str, int], allowed: Collection[str] = (), *, merge: bool = False) -> Spellings:
    """The names that are spellings of one, if at least two of them are there.

    An allowed name stays, or else the commonest spelling in its canonical form; of 3 and 3.0 it is 3.

    Args:
        names: how many rows have each.
        allowed: names that are spelled as they should be, whether or not rows have them.
    """
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for name in sorted({*names, *allowed}):  # the order of a set would change from run to run
        groups[folded(_whole(canonical(name)))].add(name)
    numbers: dict[str, str] = {}
    others: dict[str, str] = {}
    for group in groups.values():
        if len(group) > 1:
            right = sorted(group & {*allowed}) or [_commonest(group, names)]
            for name in sorted(group.difference(right) & names.keys()):
                alike = _whole(name) == _whole(right[0])
                (numbers if alike else others)[name] = right[0]
    return Spellings(numbers, others, merge)


def _whole(name: str) -> str:
    found = _WHOLE.fullmatch(name)
    return found[1] if found else name


def _commonest(group: Iterable[str], names: Mapping[str, int]) -> str:
    return _whole(canonical(max(sorted(group), key=lambda name: names.get(name, 0))))


def counted(manifest: "pd.DataFrame", target: ComparedLabel) -> Counter[str]:
    """How many rows have each name."""
    labels = manifest.get("label", ())
    return Counter(name for label in labels if not is_null(label) for name in {*target.names(label)})


def described(manifest: "pd.DataFrame", target: ComparedLabel, others: Mapping[str, str]) -> "pd.Series[str]":
    """Of each row, which of its names are spelled another way; null for none."""
    import pandas as pd

    said = [
        None if is_null(label) else "; ".join(_said(name, others) for name in target.names(label) if name in others)
        for label in manifest["label"]
    ]
    return pd.Series([one or None for one in said], index=manifest.index, dtype="str")


def _said(name: str, others: Mapping[str, str]) -> str:
    return f"{shown(name)} for {shown(others[name])}"
