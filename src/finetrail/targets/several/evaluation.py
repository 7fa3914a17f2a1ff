"""Everything measured on the answers to several targets: what each kind measures, target by target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from finetrail.evaluation.report.section import Section, Story, Tile
from finetrail.evaluation.scores.bootstrap import Draws, Interval, intervals
from finetrail.targets.several.codec import Outputs
from finetrail.targets.several.judge import SeveralJudge
from finetrail.targets.several.parts import leading
from finetrail.targets.several.settings import MEAN

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.evaluation.report.gallery import Gallery, Identified
    from finetrail.evaluation.report.previews import Preview
    from finetrail.targets.judge import Evaluation
    from finetrail.targets.target import Target


@dataclass(frozen=True)
class SeveralEvaluation:
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        targets: by name.
        parts: of each target that rows have a label of, on these rows.
        rows: how many these are.
    """

    targets: "Mapping[str, Target]"
    metrics: Mapping[str, Interval]
    parts: "Mapping[str, Evaluation]"
    rows: Mapping[str, int]

    @property
    def worst(self) -> "Sequence[Identified]":
        """The worst of each target, then the next of each."""
        ranked = zip_longest(*(part.worst for part in self.parts.values()))
        found = [one for one in chain.from_iterable(ranked) if one is not None]
        return list({one.id: one for one in reversed(found)}.values())[::-1]

    @property
    def more(self) -> Mapping[str, float]:
        return {f"{name}.{key}": value for name, part in self.parts.items() for key, value in part.more.items()}

    @property
    def wanted(self) -> set[str]:
        return {one for part in self.parts.values() for one in part.wanted}

    def story(self, gallery: "Gallery") -> Story:
        stories = {name: part.story(gallery) for name, part in self.parts.items()}
        lead = Markup("").join(
            Markup("<strong>{}</strong> ({:,} rows): {} ").format(name, self.rows[name], story.lead)
            for name, story in stories.items()
        )
        sections = [_of_target(name, section) for name, story in stories.items() for section in story.sections]
        return Story("labels", f"{len(self.targets)} targets", lead, self._tiles(), sections)

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        import pandas as pd

        found = [part.mistakes(previews).assign(target=name) for name, part in self.parts.items()]
        frame = pd.concat([one.astype(object) for one in found], ignore_index=True)
        return frame[["target", *(column for column in frame if column != "target")]].fillna("")

    def plots(self) -> Mapping[str, Markup]:
        return {f"{name}_{plot}": figure for name, part in self.parts.items() for plot, figure in part.plots().items()}

    def logged(self) -> Mapping[str, float]:
        return {f"{name}.{key}": value for name, part in self.parts.items() for key, value in part.logged().items()}

    def _tiles(self) -> list[Tile]:
        """The mean, and of each target the metric by which it counts in it."""
        leads = [(name, leading(target)) for name, target in self.targets.items()]
        shown = [
            (MEAN.name, "Mean", MEAN),
            *((f"{name}.{one.name}", f"{name}: {one.title}", one) for name, one in leads),
        ]
        tiles = []
        for key, title, metric in shown:
            value = self.metrics[key]
            tiles.append(
                Tile(title, metric.say(value.value), (f"{metric.say(value.low)} to {metric.say(value.high)}",), value)
            )
        return tiles


def _of_target(name: str, section: Section) -> Section:
    """A section of one target in the report of all: its anchor, its titles and what it adds to details.json."""
    html = str(section.html).replace(f'id="{section.name}"', f'id="{name}-{section.name}"')
    return Section(
        f"{name}-{section.name}",
        f"{name}: {section.title}" if section.title else "",
        Markup(html.replace("<h2>", f"<h2>{name}: ", 1)),  # noqa: S704 - a name has letters, digits and _
        {f"{name}.{key}": value for key, value in section.json.items()},
    )


def evaluate(
    judge: SeveralJudge, rows: "pd.DataFrame", answers: Outputs, draws: Draws, trained: Mapping[str, Any]
) -> SeveralEvaluation:
    """Measure one model's answers.

    Args:
        rows: id and label of each, n > 0.
        answers: (n, K), all finite.
        trained: the details.json of the training.
    """
    labels = rows["label"].tolist()
    groups = rows["group"].tolist() if judge.by_group and "group" in rows else None
    metrics = intervals(judge, labels, answers, draws, groups)
    parts: dict[str, Any] = {}
    for one in judge.of_targets(labels, answers):
        if one.labels:
            own = rows.iloc[one.places].drop(columns="label").reset_index(drop=True).assign(label=one.labels)
            of_target = {
                metric.name: metrics[f"{one.name}.{metric.name}"] for metric in judge.codec.targets[one.name].metrics
            }
            found: Any = one.judge.evaluate(own, one.answers, draws, trained)
            # Drawn once for all targets: a row that lacks a label was drawn too.
            parts[one.name] = replace(found, metrics=of_target)
    counts = {one.name: len(one.labels) for one in judge.of_targets(labels, answers)}
    return SeveralEvaluation(judge.codec.targets, metrics, parts, counts)
