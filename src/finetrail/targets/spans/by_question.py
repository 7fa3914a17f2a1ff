"""What the report says of the questions: how good the answers are by question word."""

from dataclasses import asdict

import numpy as np

from finetrail.evaluation.report.section import Section, render
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.spans.codec import SpanAnswers
from finetrail.targets.spans.evaluation import Scored, mean_scores
from finetrail.targets.spans.judge import SpanJudge
from finetrail.targets.spans.questions import KINDS, OTHER, question_word


def by_question(judge: SpanJudge, asked: SplitRows, answers: SpanAnswers) -> list[Section]:
    """Exact match and F1 by question word, the most frequent first; nothing where no question has one."""
    words = np.array([question_word(next(iter(content.values()))) for content in asked.contents()])
    facts = judge.facts(asked.labels, answers)
    found = [mean_scores(kind, facts[words == kind]) for kind in KINDS if (words == kind).any()]
    found.sort(key=_order)
    if [one.name for one in found] == [OTHER]:
        return []
    html = render("questions.html.jinja", "finetrail.targets.spans", scored=found)
    json = {one.name: {name: value for name, value in asdict(one).items() if name != "name"} for one in found}
    return [Section("questions", "Question words", html, {"by_question_word": json})]


def _order(one: Scored) -> tuple[bool, int, str]:
    return one.name == OTHER, -one.rows, one.name
