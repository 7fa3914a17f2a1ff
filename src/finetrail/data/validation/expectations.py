"""Check the rules with Great Expectations, and write its Data Docs as pages that need no network. Its only importer.

The Data Docs pages of Great Expectations load style, scripts and logo from five hosts, so they are bare offline, and
contain the time and random ids, so no two builds are equal. Here its renderers make only the sections, which go into
our own page (`data_docs.html`).
"""

import gc
import html
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.memory import give_back
from finetrail.data.validation.checks import expectations_of
from finetrail.data.validation.findings import Finding, Rule
from finetrail.data.validation.report import Shown
from finetrail.data.validation.rules import CommonRules, fits

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES_ON_PAGE = 20
TOLD = 5  # spellings and the like in a message of one line
NAME = "manifest"
CELLS = 1_000_000
"""The most that Great Expectations gets at a time; each may be a string of 100 bytes and more."""
PLACE = "place"
"""The column by which Great Expectations names rows: a number, where an id is a Python object that it hashes too."""


@dataclass(frozen=True)
class Inspection:
    """What the rules found in a manifest.

    Attributes:
        findings: one per rule, in the order of the catalogue; only `schema` if the manifest does not fit it.
    """

    findings: tuple[Finding, ...]
    _suite: Any
    _result: Any

    def write_docs(self, folder: Path, shown: Shown, findings: tuple[Finding, ...]) -> None:
        """Write Data Docs: `index.html` with the results and `expectations.html` with the suite.

        Args:
            findings: those of the inspection, and what was found without Great Expectations.
        """
        from great_expectations.render.renderer.page_renderer import (
            ExpectationSuitePageRenderer,
            ValidationResultsPageRenderer,
        )

        folder.mkdir(parents=True)
        results = ValidationResultsPageRenderer().render(self._result).to_json_dict()
        suite = ExpectationSuitePageRenderer().render(self._suite).to_json_dict()
        shared = {"findings": findings, "shown": shown, "verdict": _verdict(findings)}
        _write_page(folder / "index.html", "results", results, shared)
        _write_page(folder / "expectations.html", "expectations", suite, shared)


def _verdict(findings: tuple[Finding, ...]) -> tuple[str, str]:
    """The class of the page's headline, and its words: a table at fault is no pass without a word."""
    if any(finding.failed for finding in findings):
        return "bad", "failed"
    warned = [one for one in findings if one.rule.about == "table" and not one.success]
    return ("warn", "passed with warnings") if warned else ("good", "passed")


def inspect(manifest: "pd.DataFrame", rules: CommonRules) -> Inspection:
    """Check every rule that is not off. The ids of the rows found come from Great Expectations."""
    gx = _great_expectations()
    catalogue = rules.catalogue()
    fit = fits(manifest, rules.manifest)
    frame = rules.derive(manifest) if fit else manifest
    checked = [rule for rule in catalogue if rule.policy != "off"] if fit else [catalogue[0]]  # the schema
    expectations = [e for rule in checked for e in expectations_of(gx, rule, set(frame.columns))]
    result = _validate(gx, expectations, frame)
    broken = [outcome for outcome in result.results if not outcome.success]
    if not fit and not broken:
        raise AssertionError("the manifest does not fit its schema, yet no expectation fails: a bug in finetrail")
    findings = [
        _finding(rule, [outcome for outcome in broken if outcome.expectation_config.meta["rule"] == rule.name], frame)
        for rule in (catalogue if fit else checked)
    ]
    return Inspection(tuple(findings), gx.ExpectationSuite(name=NAME, expectations=expectations), result)


def _validate(gx: Any, expectations: list[Any], frame: "pd.DataFrame") -> Any:
    """The result of all expectations, those of a few columns at a time: each of their strings is a Python object."""
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

    wanted = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": [PLACE],
        "partial_unexpected_count": EXAMPLES_ON_PAGE,
        "include_unexpected_rows": False,
        "return_unexpected_index_query": False,
    }
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    results = []
    for part, chosen in _parts(frame, expectations):
        with _python_strings():
            asset = context.data_sources.add_pandas(NAME).add_dataframe_asset(NAME)
            batch = asset.add_batch_definition_whole_dataframe(NAME).get_batch({"dataframe": _as_objects(part)})
            suite = gx.ExpectationSuite(name=NAME, expectations=chosen)
            found = batch.validate(suite, result_format=wanted if "id" in frame else "SUMMARY").results
            context.data_sources.delete(NAME)  # it keeps the columns
            del asset, batch
        results += [_with_ids(one, frame) for one in found]
    success = all(result.success for result in results)
    return ExpectationSuiteValidationResult(success=success, results=results, suite_name=NAME)


@contextmanager
def _python_strings() -> Iterator[None]:
    """Within, pandas makes no strings of Arrow: where Great Expectations hashes a column, it would copy all of them."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)  # which will not have the option
        with pd.option_context("future.infer_string", False):
            yield


def _parts(frame: "pd.DataFrame", expectations: list[Any]) -> "Iterator[tuple[pd.DataFrame, list[Any]]]":
    """Columns of the frame, with the expectations about them. What is about the table itself needs none of its rows."""
    by_column: dict[str | None, list[Any]] = {}
    for expectation in expectations:
        by_column.setdefault(getattr(expectation, "column", None), []).append(expectation)
    yield frame.iloc[:0], by_column.pop(None, [])
    names = [name for name in by_column if name is not None]
    width = max(1, CELLS // max(1, len(frame)))
    for start in range(0, len(names), width):
        some = names[start : start + width]
        if len(names) > width:
            gc.collect()  # the columns before these, which Great Expectations holds in circles
            give_back()
        yield (
            frame[[name for name in frame if name in some]].assign(**{PLACE: range(len(frame))}),
            [expectation for name in some for expectation in by_column[name]],
        )


def _with_ids(outcome: Any, frame: "pd.DataFrame") -> Any:
    """The outcome with its rows named by their ids."""
    result = outcome.result
    if "unexpected_index_column_names" in result:
        result["unexpected_index_column_names"] = ["id"]
    for key in ("unexpected_index_list", "partial_unexpected_index_list"):
        if rows := result.get(key):
            ids = frame["id"].iloc[[row[PLACE] for row in rows]]
            kept = [{name: value for name, value in row.items() if name != PLACE} for row in rows]
            result[key] = [row | {"id": name} for row, name in zip(kept, ids, strict=True)]
    return outcome


def _great_expectations() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read once, at import
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from the modules that it imports, not from ours
        import great_expectations

    return great_expectations


def _finding(rule: Rule, broken: list[Any], frame: "pd.DataFrame") -> Finding:
    """Args: broken: the results of the rule's failed expectations."""
    if rule.counts == "faults":
        return Finding(rule, len(broken), detail=", ".join(map(_fault, broken)))
    # A dict keeps the order of the manifest, and each id once.
    ids = dict.fromkeys(str(entry["id"]) for outcome in broken for entry in outcome.result["unexpected_index_list"])
    return Finding(rule, len(ids), tuple(ids), _told(rule, frame, list(ids)))


def _told(rule: Rule, frame: "pd.DataFrame", ids: list[str]) -> str:
    """The first few things that the rule's own column says of the rows with these ids, the commonest first."""
    if not ids or rule.tells not in frame:
        return ""
    said = list(frame.loc[frame["id"].isin(ids), rule.tells].value_counts().index)
    return ", ".join([*said[:TOLD], *(["..."] if len(said) > TOLD else [])])


def _fault(outcome: Any) -> str:
    """What an expectation about the table saw: a missing column, a type, a number, or the first wrong value."""
    result = outcome.result
    column = outcome.expectation_config.kwargs.get("column")
    if column is None:
        return f"no column {', '.join(map(repr, result['details']['mismatched']['missing']))}"
    seen = result["observed_value"] if "observed_value" in result else result["partial_unexpected_list"][0]
    return f"{column}: {outcome.expectation_config.type.removeprefix('expect_column_')} does not hold, found {seen!r}"


def _as_objects(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Great Expectations 1.24 does not know the string type of pandas 3, and finds no Python strings in it."""
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
    """Escape every table cell in a rendered document: cells hold labels from the data, and the view does not escape."""
    if isinstance(content, dict):
        return {key: _escaped(value, key == "table") for key, value in content.items()}
    if isinstance(content, list):
        return [_escaped(value, cell) for value in content]
    return html.escape(content) if cell and isinstance(content, str) else content
