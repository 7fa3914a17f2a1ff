"""The report on masks of objects: that on boxes, with pixels."""

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.section import Story, render
from finetrail.targets.boxes.report import sections, tiles
from finetrail.targets.instances.evaluation import InstanceEvaluation
from finetrail.targets.instances.figures import objects_figure
from finetrail.targets.instances.metrics import METRICS


def tell(evaluation: InstanceEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    count = len(evaluation.labels)
    lead = render("lead.html.jinja", "finetrail.targets.instances", evaluation=evaluation)
    shown = sections(evaluation, gallery, objects_figure, "masks")
    return Story("instances", f"{count} class{'' if count == 1 else 'es'}", lead, tiles(evaluation, METRICS), shown)
