"""The report on boxes: how good they are, by class and size, which mistakes there are, and the worst images."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from finetrail.evaluation.report.gallery import Gallery, Shown
from finetrail.evaluation.report.page import MISTAKES, capital
from finetrail.evaluation.report.section import Section, Story, Tile, render
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.boxes import METRICS
from finetrail.targets.boxes.evaluation import BoxEvaluation, DrawnRow
from finetrail.targets.boxes.figures import image_figure
from finetrail.targets.boxes.kinds import KINDS

_HERE = "finetrail.targets.boxes"
Figure = Callable[[DrawnRow, Shown, Sequence[str]], Markup]


def tell(evaluation: BoxEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    count = len(evaluation.labels)
    about = f"{count} class{'' if count == 1 else 'es'}"
    lead = render("lead.html.jinja", _HERE, evaluation=evaluation)
    return Story("boxes", about, lead, tiles(evaluation, METRICS), sections(evaluation, gallery, image_figure))


def sections(evaluation: BoxEvaluation, gallery: Gallery, figure: Figure, measured: str = "boxes") -> list[Section]:
    """The sections. Args: figure: draws an image; measured: whose areas are sizes."""
    images = _images(evaluation, gallery, figure)
    return [_classes(evaluation), _sizes(evaluation, measured), _kinds(evaluation), images]


def tiles(evaluation: BoxEvaluation, metrics: Sequence[Metric]) -> list[Tile]:
    """A tile per metric, the default one first."""
    return [
        Tile(capital(metric.title), metric.say(interval.value), (_ends(interval),), interval)
        for metric in reversed(metrics)
        for interval in [evaluation.metrics[metric.name]]
    ]


def _ends(interval: Interval) -> str:
    return f"{interval.low:.3f} to {interval.high:.3f}"


def _classes(evaluation: BoxEvaluation) -> Section:
    shown = sorted(evaluation.classes, key=lambda one: (one.ap, one.name))
    html = render("classes.html.jinja", _HERE, evaluation=evaluation, classes=shown, **evaluation.plots())
    names = ("objects", "ap", "ap_50", "precision", "recall")
    json = {one.name: {name: getattr(one, name) for name in names} for one in evaluation.classes}
    return Section("classes", "Classes", html, {"per_class": json})


def _sizes(evaluation: BoxEvaluation, measured: str) -> Section:
    html = render("sizes.html.jinja", _HERE, sizes=evaluation.sizes, ends=_ends, measured=measured)
    json = {
        one.name: {"objects": one.objects, "map": one.value.value, "ar": one.recall.value} for one in evaluation.sizes
    }
    return Section("sizes", "Sizes", html, {"by_size": json})


def _kinds(evaluation: BoxEvaluation) -> Section:
    html = render("kinds.html.jinja", _HERE, kinds=evaluation.kinds, said=KINDS, figure=evaluation.plots()["mistakes"])
    return Section("kinds", "Kinds of mistakes", html, {"mistakes": dict(evaluation.kinds)})


def _images(evaluation: BoxEvaluation, gallery: Gallery, figure: Figure) -> Section:
    rows = [
        (row, figure(row, shown, evaluation.labels))
        for row, shown in gallery.beside(evaluation.worst[:MISTAKES])
        if shown.address
    ]
    return Section("mistakes", "Worst images", render("images.html.jinja", _HERE, rows=rows, evaluation=evaluation))
