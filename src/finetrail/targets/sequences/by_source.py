"""What the report says of the sources: how good answers to short and to long ones are."""

from dataclasses import asdict

from finetrail.evaluation.report.section import Section, render
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.sequences import METRICS
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.figures import by_length_figure
from finetrail.targets.sequences.judge import SequenceJudge
from finetrail.targets.sequences.lengths import by_length
from finetrail.targets.sequences.sources import source_texts
from finetrail.targets.target import metric_named


def by_source(judge: SequenceJudge, asked: SplitRows, answers: SequenceAnswers, draws: Draws) -> list[Section]:
    """The metric of single rows by the length of their sources."""
    sizes = [sum(map(len, source_texts(content))) for content in asked.contents()]
    groups = asked.groups if any(group is not None for group in asked.groups) else None
    lengths = by_length(judge, asked.labels, answers, sizes, groups=groups, draws=draws)
    metric = metric_named(METRICS, judge.codec.metric)
    figure = by_length_figure(lengths, metric.name, "sources")
    html = render(
        "sources.html.jinja", "finetrail.targets.sequences", lengths=lengths, title=metric.title, figure=figure
    )
    return [Section("sources", "Length of the sources", html, {"source_lengths": [asdict(one) for one in lengths]})]
