"""`finetrail compare` on a real workspace: every number is that of the files."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import f1_score

from finetrail.workspace import read_json
from tests.browser import browse, colours
from tests.pipeline.workspaces import CANDIDATES, Outcome, Sandbox, contents


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compared")


@pytest.fixture(scope="module")
def done(finished: Sandbox, output: Path) -> Outcome:
    before = contents(finished.root / "data")
    done = finished.finetrail("compare", "--output", str(output))
    assert done.code == 0, done
    assert contents(finished.root / "data") == before, "nothing that DVC tracks may change"
    return done


@pytest.fixture(scope="module")
def numbers(done: Outcome, output: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(output / "compare.json")
    return found


@pytest.fixture(scope="module")
def by_name(numbers: dict[str, Any]) -> dict[str, Any]:
    return {one["candidate"]: one for one in numbers["candidates"]}


@pytest.fixture(scope="module")
def answered(finished: Sandbox) -> dict[str, tuple[Any, Any]]:
    """The labels and the answers of each candidate, as numbers, straight from its file."""
    found = {}
    for name in CANDIDATES:
        table = pq.read_table(finished.paths.run(name).predictions).to_pydict()
        labels = read_json(finished.paths.run(name).details)["target"]["labels"]
        said = np.array(table["logits"]).argmax(axis=1)
        found[name] = (np.array([labels.index(label) for label in table["label"]]), said)
    return found


def test_values_are_those_of_the_predictions_and_of_the_selection(
    finished: Sandbox, by_name: dict[str, Any], answered: dict[str, Any], numbers: dict[str, Any]
) -> None:
    selected = read_json(finished.paths.selection_report)
    assert numbers["chosen"] == selected["chosen"]
    assert [one["candidate"] for one in numbers["candidates"]] == [one["candidate"] for one in selected["ranking"]]
    standing = {one["candidate"]: one for one in selected["ranking"]}
    for name, (labels, said) in answered.items():
        value = by_name[name]["value"]
        assert value["value"] == pytest.approx(f1_score(labels, said, average="macro"))
        assert value == {end: standing[name][end] for end in ("value", "low", "high")}
        assert numbers["rows"] == len(labels)


def test_the_difference_to_the_chosen_one_is_paired(
    by_name: dict[str, Any], answered: dict[str, Any], numbers: dict[str, Any]
) -> None:
    """Against drawing the rows one by one."""
    chosen, rng = numbers["chosen"], np.random.default_rng(5)
    (other,) = {*CANDIDATES} - {chosen}
    assert by_name[chosen]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    labels = answered[chosen][0]
    drawn = [rng.integers(0, len(labels), len(labels)) for _ in range(400)]

    def apart(rows: Any) -> float:
        scores = [f1_score(labels[rows], answered[name][1][rows], average="macro") for name in (other, chosen)]
        return float(scores[0] - scores[1])

    found = by_name[other]["difference"]
    assert found["value"] == pytest.approx(apart(slice(None)))
    low, high = np.quantile([apart(rows) for rows in drawn], [0.025, 0.975])
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=0.04)


def test_costs_are_those_of_the_runs_and_of_the_model_s_files(finished: Sandbox, by_name: dict[str, Any]) -> None:
    for name in CANDIDATES:
        measured = read_json(finished.paths.run(name).record)["measured"]
        parameters = read_json(finished.paths.run(name).details)["parameters"]
        size = sum(len(file.read_bytes()) for file in finished.paths.model(name).rglob("*") if file.is_file())
        assert by_name[name]["total_parameters"] == parameters["total"]
        assert by_name[name]["costs"] == {
            "trainable_parameters": parameters["trainable"],
            "seconds": measured["seconds"],
            "peak_memory_mb": measured["peak_memory_mb"],
            "disk_mb": size / 1e6,
        }


def test_the_matrix_is_the_share_of_rows_with_another_class(by_name: dict[str, Any], answered: dict[str, Any]) -> None:
    for one in CANDIDATES:
        for other in CANDIDATES:
            share = float((answered[one][1] != answered[other][1]).mean())
            assert by_name[one]["differs"][other] == share


def test_the_fronts_follow_from_the_numbers(by_name: dict[str, Any], numbers: dict[str, Any]) -> None:
    assert set(numbers["fronts"]) == {"trainable_parameters", "seconds", "peak_memory_mb", "disk_mb"}
    for cost, members in numbers["fronts"].items():
        points = {name: (one["costs"][cost], -one["value"]["value"]) for name, one in by_name.items()}
        expected = {
            name
            for name, point in points.items()
            if not any(other != point and other[0] <= point[0] and other[1] <= point[1] for other in points.values())
        }
        assert set(members) == expected


def test_the_console_has_the_same_numbers(done: Outcome, by_name: dict[str, Any], output: Path) -> None:
    lines = done.out.splitlines()
    for name, one in by_name.items():
        said = " ".join(next(line for line in lines if line.startswith(name)).split())
        assert f"{one['value']['value']:.3f} {one['value']['low']:.3f} to {one['value']['high']:.3f}" in said
        assert f"{one['costs']['peak_memory_mb']:,.0f}" in said
    assert "…" not in done.out, "no cell is cut"
    assert lines[-1] == f"page: {output / 'compare.html'}"


def test_the_page_opens_with_its_figures(done: Outcome, output: Path, chromium: str, tmp_path: Path) -> None:
    document, image = browse(chromium, (output / "compare.html").as_uri(), tmp_path)
    assert document.count("<svg") == 5
    assert all(name in document for name in CANDIDATES)
    assert colours(image) > 100


def test_the_time_per_row_is_measured_only_if_asked_for(finished: Sandbox, tmp_path: Path) -> None:
    done = finished.finetrail("compare", "--latency", "--rows", "5", "--output", str(tmp_path))
    assert done.code == 0, done
    assert done.out.startswith("measuring the time per row: 2 models, 5 rows each, about ")
    found = read_json(tmp_path / "compare.json")
    assert found["timed_rows"] == 5
    assert "latency_p50_ms" in found["fronts"]
    for one in found["candidates"]:
        assert 0 < one["costs"]["latency_p50_ms"] <= one["costs"]["latency_p95_ms"]
    assert (tmp_path / "compare.html").read_text(encoding="utf-8").count("<svg") == 6


def test_without_it_no_model_is_loaded_and_no_torch(finished: Sandbox, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom finetrail.cli.app import app\n"
        f"app(['compare', '--output', {str(tmp_path)!r}], standalone_mode=False)\n"
        "print(*[name for name in ('torch', 'transformers', 'mlflow') if name in sys.modules])"
    )
    lines = finished.must(sys.executable, "-c", code).splitlines()
    assert lines[-1] == ""
    assert json.loads((tmp_path / "compare.json").read_text(encoding="utf-8"))["timed_rows"] == 0


def test_the_page_lies_outside_every_out_by_default(sandbox: Sandbox) -> None:
    done = sandbox.finetrail("compare")
    assert done.out.splitlines()[-1] == "page: .finetrail/compare/compare.html"
    assert (sandbox.root / ".finetrail" / "compare" / "compare.json").exists()
    assert sandbox.must("git", "status", "--porcelain") == ""
