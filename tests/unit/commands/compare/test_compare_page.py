"""The page of a comparison: what it says, that nothing in it is obeyed, and where it may lie."""

import math
import re
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from finetrail.commands.compare.comparison import Compared, Comparison
from finetrail.commands.compare.costs import COSTS
from finetrail.commands.compare.learned import Learned, learned
from finetrail.commands.compare.page import folder_for, page_of
from finetrail.commands.compare.scatter import HEIGHT, LEFT, TOP, WIDTH, Point, scatter
from finetrail.commands.compare.table import table
from finetrail.errors import ConfigError
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection
from finetrail.workspace import Workspace

F1, RMSE = Metric("macro_f1", "macro F1"), Metric("rmse", "RMSE", lower=True, in_unit=True)
EVIL = "<script>alert(1)</script>"


def comparison(*names: str) -> Comparison:
    candidates = tuple(
        Compared(
            candidate=name,
            value=Interval(0.7 - 0.1 * k, 0.65 - 0.1 * k, 0.75 - 0.1 * k),
            difference=Interval(-0.1 * k, -0.1 * k - 0.02, -0.1 * k + 0.02),
            total_parameters=1_234_567,
            costs={"trainable_parameters": 10**k, "seconds": 5.0, "peak_memory_mb": 900.0 + k, "disk_mb": 90.4},
            differs={other: 0.0 if other == name else 0.125 for other in names},
        )
        for k, name in enumerate(names)
    )
    fronts = {kind.name: (names[0],) for kind in COSTS}
    return Comparison(
        project=f"toy {EVIL}",
        task="text-classification",
        metric=F1,
        chosen=names[0],
        rows=1234,
        settings=Selection(metric="macro_f1"),
        candidates=candidates,
        fronts=fronts,
        differing="another class",
        timed_rows=0,
        assessed={},
        of_each={},
    )


def test_every_candidate_cost_and_pair_is_on_the_page() -> None:
    page = str(page_of(comparison("full", "lora", "probe")))
    assert page.count("<svg") == len(COSTS)
    assert all(f"against {kind.title}</h3>" in page for kind in COSTS)
    assert "-0.100 (-0.120 to -0.080)" in page
    assert page.count("12.5%") == 6
    assert "1,234 validation rows" in page
    assert "time per row" not in page


def test_what_assessments_found_of_the_chosen_one_stands_below_the_table() -> None:
    said = "macro F1 0.877 on 100 validation rows, worse by 0.107 <on average>"
    found = replace(comparison("full", "lora"), assessed={"robustness": said})
    page = str(page_of(found))
    assert f"<b>robustness</b>: {said.replace('<', '&lt;').replace('>', '&gt;')}</li>" in page
    assert "Assessments of the chosen candidate" not in str(page_of(comparison("full", "lora")))
    *_, blank, line = map(str, table(found))
    assert (blank, line) == ("", f"robustness of full: {said}")


def test_what_assessments_found_of_each_candidate_is_a_column() -> None:
    found = replace(comparison("full", "lora"), of_each={"mean and std over seeds": {"lora": "0.600 ± 0.012"}})
    page = str(page_of(found))
    assert '<th class="num">Mean and std over seeds</th>' in page
    assert page.count('<td data-title="Mean and std over seeds" class="num">0.600 ± 0.012</td>') == 1
    _, _, second = list(table(found))
    assert isinstance(second, Table)
    assert [column.header for column in second.columns][4] == "mean and std over seeds"
    assert list(second.columns[4].cells) == ["", "0.600 ± 0.012"]


def test_names_are_shown_and_never_obeyed() -> None:
    page = str(page_of(comparison("full", f'a"{EVIL}', "b&b")))
    assert "<script" not in page
    assert "toy &lt;script&gt;" in page
    assert "b&amp;b" in page
    assert {link[0] for link in re.findall(r'(?:src|href)="(.*?)"', page)} == {"#"}


def test_equal_comparisons_are_equal_bytes() -> None:
    assert page_of(comparison("a", "b")) == page_of(comparison("a", "b"))


@pytest.mark.parametrize(
    ("costs", "metric"),
    list(
        product(
            [[7700, 81_428, 22_573_076], [90.4, 90.4, 90.4], [1.0], [0.0, 5.0], [0.0], [3.2e-9, 1.0], [12.0, 45.0]],
            [F1, RMSE],
        )
    ),
)
def test_whatever_the_costs_each_point_lies_in_the_figure(costs: list[float], metric: Metric) -> None:
    points = [
        Point(f"c{k}", k + 1, cost, Interval(0.5 + k / 10, 0.4, 0.9), front=k == 0, chosen=False)
        for k, cost in enumerate(costs)
    ]
    svg = fromstring(scatter(points, COSTS[1], metric))  # noqa: S314 - our own
    dots = svg.findall("circle")
    assert len(dots) == len(costs)
    for dot in dots:
        assert LEFT <= float(dot.attrib["cx"]) <= LEFT + WIDTH
        assert TOP <= float(dot.attrib["cy"]) <= TOP + HEIGHT
    ticks = [text for text in svg.findall("text") if text.attrib["class"] == "tick middle"]
    assert len(ticks) >= 2
    assert [text.text for text in svg.findall("text") if text.attrib["class"] == "named"] == [
        str(k + 1) for k in range(len(costs))
    ]


def test_numbers_of_equal_points_do_not_hide_each_other() -> None:
    points = [Point(f"c{k}", k, 90.4, Interval(0.5, 0.4, 0.6), front=True, chosen=False) for k in range(1, 10)]
    svg = fromstring(scatter(points, COSTS[3], F1))  # noqa: S314 - our own
    places = {(text.attrib["x"], text.attrib["y"]) for text in svg.findall("text") if text.attrib["class"] == "named"}
    assert len(places) == 9


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("data/models/mine", r"--output data/models/mine lies in what `train` writes, .* name a folder outside data"),
        ("data/selection", r"--output data/selection lies in what `select` writes"),
        ("params.yaml", r"--output params.yaml is a file, but .* name another one"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused(
    output: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").touch()
    with pytest.raises(ConfigError, match=said):
        folder_for(Workspace(Path.cwd()), Path(output))


def test_the_folder_by_default_is_no_out(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    folder = folder_for(workspace, None)
    assert folder == tmp_path / ".finetrail" / "compare"
    assert workspace.stage_of(folder) == ""


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_every_curve_is_drawn_and_no_number_hides_another(ends: list[float]) -> None:
    curves = [Learned(f"c{k}", k, ((1.0, 0.5), (2.0, end)), chosen=k == 1) for k, end in enumerate(ends, start=1)]
    svg = fromstring(learned(curves, F1) or "")  # noqa: S314 - our own
    assert len(svg.findall("polyline")) == len(ends)
    heights = sorted(float(one.attrib["y"]) for one in svg.findall("text") if one.attrib.get("x") == "509")
    assert len(heights) == len(ends)
    assert all(after - before > 11 for before, after in pairwise(heights))
    assert heights[0] >= 0
    assert heights[-1] <= float(svg.attrib["viewBox"].split()[-1])


def test_a_training_that_diverged_or_knows_no_metric_has_no_curve() -> None:
    assert learned([Learned("a", 1, (), chosen=True), Learned("b", 2, ((1.0, math.nan),), chosen=False)], F1) is None
    found = comparison("full")
    assert 'id="learned"' not in str(page_of(found))
    (one,) = found.candidates
    assert 'id="learned"' in str(page_of(replace(found, candidates=(replace(one, learned=((1.0, 0.5),)),))))
