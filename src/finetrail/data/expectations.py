"""Great Expectations: checks the rules, and writes its Data Docs as pages that need no network. Its only importer.

A page of Data Docs as Great Expectations writes it loads its style, scripts and logo from five hosts, so it is bare
offline, and holds the time and random ids, so no two builds are equal. Here its renderers make the sections, which are
put in a page of our own (`data_docs.html`).
"""

import html
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.rules import (
    NUMBERS,
    STRINGS,
    Finding,
    Rule,
    Validation,
    catalogue,
    derive,
    fits,
)
from finetrail.workspace import SPLITS

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES_ON_PAGE = 20
SEVERITY = {"fail": "critical", "quarantine": "warning", "warn": "info"}  # in the words of Great Expectations


@dataclass(frozen=True)
class Inspection:
    """What the rules found in a manifest.

    Attributes:
        findings: one a rule, in the order of `catalogue`; `schema` alone if the manifest does not fit it.
    """

    findings: tuple[Finding, ...]
    _suite: Any
    _result: Any

    def write_docs(self, folder: Path, rows: dict[str, int]) -> None:
        """Write Data Docs: `index.html` with the results and `expectations.html` with the suite.

        Args:
            rows: numbers to show at the top, by what they count.
        """
        from great_expectations.render.renderer.page_renderer import (
            ExpectationSuitePageRenderer,
            ValidationResultsPageRenderer,
        )

        folder.mkdir(parents=True)
        results = ValidationResultsPageRenderer().render(self._result).to_json_dict()
        suite = ExpectationSuitePageRenderer().render(self._suite).to_json_dict()
        shared = {"findings": self.findings, "rows": rows, "failed": any(finding.failed for finding in self.findings)}
        _write_page(folder / "index.html", "results", results, shared)
        _write_page(folder / "expectations.html", "expectations", suite, shared)


def inspect(manifest: "pd.DataFrame", rules: Validation) -> Inspection:
    """Check every rule that is not off. The ids of the rows found are the ones that Great Expectations gives."""
    gx = _great_expectations()
    fit = fits(manifest)
    frame = derive(manifest, rules) if fit else manifest
    checked = [rule for rule in catalogue(rules) if rule.policy != "off" and (fit or rule.name == "schema")]
    suite = gx.ExpectationSuite(
        name="manifest", expectations=[e for rule in checked for e in _expectations(gx, rule, set(frame.columns))]
    )
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("workspace").add_dataframe_asset("manifest")
    batch = asset.add_batch_definition_whole_dataframe("all rows").get_batch({"dataframe": _as_objects(frame)})
    wanted = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": ["id"],
        "partial_unexpected_count": EXAMPLES_ON_PAGE,
        "include_unexpected_rows": False,
        "return_unexpected_index_query": False,
    }
    result = batch.validate(suite, result_format=wanted if "id" in frame else "SUMMARY")
    broken = [outcome for outcome in result.results if not outcome.success]
    if not fit and not broken:
        raise AssertionError("the manifest does not fit its schema, yet no expectation says so: a bug of finetrail")
    findings = [
        _finding(rule, [outcome for outcome in broken if outcome.expectation_config.meta["rule"] == rule.name])
        for rule in (catalogue(rules) if fit else checked)
    ]
    return Inspection(tuple(findings), suite, result)


def _great_expectations() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read once, at import
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the modules that it imports, not of ours
        import great_expectations

    return great_expectations


def _expectations(gx: Any, rule: Rule, columns: set[Any]) -> Iterator[Any]:
    """The expectations that make up a rule, on the columns of `derive`."""
    words = {"meta": {"rule": rule.name}, "severity": SEVERITY[rule.policy]}
    if rule.name == "schema":
        yield from _schema(gx.expectations, words, columns)
        return
    if rule.name == "unknown_label" and rule.bound is None:
        return
    words["description"] = f"{rule.expects} ({rule.name}, policy {rule.policy})."
    low, high = rule.bound if rule.name == "length" else (rule.bound, rule.bound)
    e = gx.expectations
    made_of: dict[str, tuple[Any, dict[str, Any]]] = {
        "missing_text": (e.ExpectColumnValuesToNotBeNull, {"column": "sha256"}),
        "empty_text": (e.ExpectColumnValuesToBeBetween, {"column": "words", "min_value": 1}),
        "length": (e.ExpectColumnValuesToBeBetween, {"column": "length", "min_value": low, "max_value": high}),
        "missing_label": (e.ExpectColumnValuesToNotBeNull, {"column": "label"}),
        "unknown_label": (e.ExpectColumnValuesToBeInSet, {"column": "label", "value_set": rule.bound}),
        "conflicting_label": (e.ExpectColumnValuesToBeBetween, {"column": "labels_of_text", "max_value": 1}),
        "duplicate": (e.ExpectColumnValuesToBeNull, {"column": "duplicate_of"}),
        "rare_label": (e.ExpectColumnValuesToBeBetween, {"column": "rows_of_label", "min_value": low}),
        "class_balance": (e.ExpectColumnValuesToBeBetween, {"column": "largest_class_times", "max_value": high}),
        "two_labels": (e.ExpectColumnUniqueValueCountToBeBetween, {"column": "label_used", "min_value": low}),
    }
    kind, arguments = made_of[rule.name]
    yield kind(**arguments, **words)


def _schema(e: Any, words: dict[str, Any], columns: set[Any]) -> Iterator[Any]:
    """The columns and their types; of a missing column only that it is missing."""
    yield e.ExpectTableColumnsToMatchSet(column_set=[*STRINGS, *NUMBERS], exact_match=False, **words)
    for name in [name for name in (*STRINGS, *NUMBERS) if name in columns]:
        # A column of whole numbers with gaps comes out of Parquet as float64.
        types = ["str"] if name in STRINGS else ["int64", "float64"]
        yield e.ExpectColumnValuesToBeInTypeList(column=name, type_list=types, **words)
        if name in ("id", "source", "row"):
            yield e.ExpectColumnValuesToNotBeNull(column=name, **words)
    if "id" in columns:
        yield e.ExpectColumnValuesToBeUnique(column="id", **words)
    if "split" in columns:
        yield e.ExpectColumnValuesToBeInSet(column="split", value_set=list(SPLITS), **words)


def _finding(rule: Rule, broken: list[Any]) -> Finding:
    """Args: broken: the results of those expectations of the rule that do not hold."""
    if rule.name in ("schema", "two_labels"):
        return Finding(rule, len(broken), detail=", ".join(map(_fault, broken)))
    # A dict keeps the order of the manifest, and each id once.
    ids = dict.fromkeys(str(entry["id"]) for outcome in broken for entry in outcome.result["unexpected_index_list"])
    return Finding(rule, len(ids), tuple(ids))


def _fault(outcome: Any) -> str:
    """What an expectation about the table saw: a missing column, a type, a number, or the first value that is wrong."""
    result = outcome.result
    column = outcome.expectation_config.kwargs.get("column")
    if column is None:
        return f"no column {', '.join(map(repr, result['details']['mismatched']['missing']))}"
    seen = result["observed_value"] if "observed_value" in result else result["partial_unexpected_list"][0]
    return f"{column}: {outcome.expectation_config.type.removeprefix('expect_column_')} is not so, found {seen!r}"


def _as_objects(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Great Expectations 1.24 does not know the string type of pandas 3: it reads no Python strings in it."""
    return frame.astype({name: "object" for name, kind in frame.dtypes.items() if str(kind) == "str"})


def _write_page(path: Path, kind: str, document: dict[str, Any], shared: dict[str, Any]) -> None:
    from great_expectations.render.view.view import DefaultJinjaPageView
    from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader

    environment = DefaultJinjaPageView().env
    theirs = PackageLoader("great_expectations", "render/view/templates")
    environment.loader = ChoiceLoader([FileSystemLoader(Path(__file__).parent), theirs])
    sections = [section for section in _escaped(document["sections"]) if section.get("section_name") != "Overview"]
    page = environment.get_template("data_docs.html").render(kind=kind, sections=sections, **shared)
    path.write_text(page, encoding="utf-8")


def _escaped(content: Any, cell: bool = False) -> Any:
    """Escape the cells of every table in a rendered document: they hold labels of the data, and the view does not."""
    if isinstance(content, dict):
        return {key: _escaped(value, key == "table") for key, value in content.items()}
    if isinstance(content, list):
        return [_escaped(value, cell) for value in content]
    return html.escape(content) if cell and isinstance(content, str) else content
