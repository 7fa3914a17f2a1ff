"""Checks of our rules as expectations of Great Expectations, whose importer hands it in."""

from collections.abc import Iterator
from typing import Any

from finetrail.data.validation.findings import (
    AtLeast,
    Between,
    Check,
    HasColumns,
    InSet,
    NotNull,
    Null,
    OfType,
    Rule,
    Unique,
)

SEVERITY = {
    "fail": "critical",
    "quarantine": "warning",
    "warn": "info",
    "merge": "info",
}  # in Great Expectations' terms


def expectations_of(gx: Any, rule: Rule, columns: set[Any]) -> Iterator[Any]:
    """Yield the expectations that make up a rule, except those on a missing column: only `HasColumns` reports that.

    Args:
        gx: the library.
        columns: those that the table has.
    """
    words = {"meta": {"rule": rule.name}, "severity": SEVERITY[rule.policy]}
    if len(rule.checks) == 1:
        words["description"] = f"{rule.expects} ({rule.name}, policy {rule.policy})."
    for check in rule.checks:
        if isinstance(check, HasColumns) or check.column in columns:
            yield _expectation(gx.expectations, check, words)


def _expectation(e: Any, check: Check, words: dict[str, Any]) -> Any:  # noqa: PLR0911
    match check:
        case HasColumns(columns):
            return e.ExpectTableColumnsToMatchSet(column_set=list(columns), exact_match=False, **words)
        case OfType(column, types):
            return e.ExpectColumnValuesToBeInTypeList(column=column, type_list=list(types), **words)
        case NotNull(column):
            return e.ExpectColumnValuesToNotBeNull(column=column, **words)
        case Null(column):
            return e.ExpectColumnValuesToBeNull(column=column, **words)
        case Unique(column):
            return e.ExpectColumnValuesToBeUnique(column=column, **words)
        case InSet(column, values):
            return e.ExpectColumnValuesToBeInSet(column=column, value_set=list(values), **words)
        case Between(column, low, high):
            return e.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, **words)
        case AtLeast(column, values):
            return e.ExpectColumnUniqueValueCountToBeBetween(column=column, min_value=values, **words)
