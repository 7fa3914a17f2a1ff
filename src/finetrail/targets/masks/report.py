"""The report on masks: how good they are, by class, which classes are taken for which, and the worst images."""

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import MISTAKES, capital
from finetrail.evaluation.report.section import Section, Story, Tile, render
from finetrail.targets.masks.evaluation import MaskEvaluation
from finetrail.targets.masks.figures import GREY, WRONG, Colour, colours, overlays_figure
from finetrail.targets.masks.metrics import METRICS
from finetrail.targets.masks.scores import TOLERANCE

_HERE = "finetrail.targets.masks"
_VALUES = ("iou", "dice", "precision", "recall", "boundary_f1")


def tell(evaluation: MaskEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    count = len(evaluation.labels)
    sections = [_classes(evaluation), _confusion(evaluation), _images(evaluation, gallery)]
    lead = render("lead.html.jinja", _HERE, evaluation=evaluation)
    return Story("masks", f"{count} class{'' if count == 1 else 'es'}", lead, _tiles(evaluation), sections)


def _tiles(evaluation: MaskEvaluation) -> list[Tile]:
    """A tile per metric, the default one first."""
    return [
        Tile(
            capital(metric.title),
            metric.say(interval.value),
            (f"{metric.say(interval.low)} to {metric.say(interval.high)}",),
            interval,
        )
        for metric in reversed(METRICS)
        for interval in [evaluation.metrics[metric.name]]
    ]


def _classes(evaluation: MaskEvaluation) -> Section:
    shown = sorted(evaluation.classes, key=lambda one: (one.pixels == 0, one.iou, one.name))
    html = render("classes.html.jinja", _HERE, classes=shown, values=_VALUES, tolerance=f"{100 * TOLERANCE:g}%")
    json = {
        one.name: {name: getattr(one, name) for name in _VALUES} | {"support": one.pixels} for one in evaluation.classes
    }
    return Section("classes", "Classes", html, {"per_class": json})


def _confusion(evaluation: MaskEvaluation) -> Section:
    return Section("confusion", "Confusion", render("confusion.html.jinja", _HERE, **evaluation.plots()))


def _images(evaluation: MaskEvaluation, gallery: Gallery) -> Section:
    rows = [
        (row, overlays_figure(row, shown, evaluation.labels))
        for row, shown in gallery.beside(evaluation.worst[:MISTAKES])
        if shown.address
    ]
    keys = {name: _css(colour) for name, colour in colours(evaluation.labels).items()}
    html = render(
        "images.html.jinja", _HERE, rows=rows, keys=keys, wrong=_css(WRONG), grey=_css(GREY), evaluation=evaluation
    )
    return Section("mistakes", "Worst images", html)


def _css(colour: Colour) -> str:
    return f"rgb({', '.join(map(str, colour))})"
