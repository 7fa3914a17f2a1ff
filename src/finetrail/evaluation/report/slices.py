"""The section on declared slices."""

from finetrail.evaluation.report.forest import slices_figure
from finetrail.evaluation.report.page import capital
from finetrail.evaluation.report.section import Section, render
from finetrail.evaluation.scores.sliced import SliceTable


def slices_section(table: SliceTable) -> list[Section]:
    """What a report says of the slices; nothing where there are none."""
    if not table.slices:
        return []
    html = render(
        "slices.html.jinja",
        table=table,
        title=capital(table.metric.title),
        figure=slices_figure(table),
        level=f"{table.draws.confidence * 100:g}%",
    )
    return [Section("slices", "Slices", html, {"slices": {one.name: one.as_json() for one in table.slices}})]
