"""What tests of reports share: a report around any evaluation, and its page taken apart."""

import io
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np
from PIL import Image

from finetrail.evaluation.report.figures import Curve, Panel
from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import Report, SplitFacts, as_seen
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection, Standing, choose
from finetrail.targets.judge import Evaluation

HOSTILE = "</style></svg></td><script>alert('x')</script><img src=//evil.example/x onerror=alert(1)>\x00\x1b&amp;\""
TEXT = Preview("a text")
DRAWS = Draws(resamples=100, seed=0)
_VOID = {"meta", "br", "img", "link", "input", "hr"}
SPLIT = SplitFacts.from_json(
    {
        "method": "stratified",
        "near": {"method": "minhash", "threshold": 0.8, "shingle_words": 5},
        "rows": {
            "ingested": 1234,
            "quarantined_by_validation": 30,
            "quarantined_by_split": 4,
            "train": 900,
            "val": 180,
            "test": 120,
        },
        "sha256": {"train": "aa11", "val": "bb22", "test": "cc33"},
        "leakage": {"exact_groups": 2, "near_pairs": 3, "removed": [{"id": "x"}] * 4},
    }
)


def report_of(
    evaluation: Evaluation,
    preview: Preview | None,
    standings: Sequence[Standing],
    metric: Metric,
    **changes: Any,
) -> Report:
    """A report in which every row that is wanted looks like `preview`; None: nothing is known of any."""
    previews: Mapping[str, Preview] = {} if preview is None else dict.fromkeys(evaluation.wanted, preview)
    shown = preview or TEXT
    curves = (Curve("training", ((1, 2.0), (2, 1.0))), Curve("validation", ((1, 2.1),)))
    given: dict[str, Any] = {
        "project": "Animals",
        "task": "text-classification",
        "model": "a tiny encoder",
        "rows": 120,
        "seen": [("a", as_seen(shown))] * (8 if shown.image else 1),
        "panels": [Panel("Loss", curves, best=2)],
        "lineage": {"git commit": "abc123", "params": "def456"},
    }
    return Report(
        metrics=evaluation.metrics,
        metric=metric,
        draws=DRAWS,
        story=evaluation.story(Gallery.of(previews)),
        choice=choose(standings, Selection(metric=metric.name), metric),
        split=SPLIT,
        **(given | changes),
    )


def image(width: int = 32, height: int = 32, kind: str = "PNG", *, noise: bool = False) -> Preview:
    """An image, whose pixels depend on its width."""
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels if noise else pixels // 64 * 64).save(file, kind)
    return Preview(image=file.getvalue())


class Page(HTMLParser):
    """Collects the elements, checks that they nest, and keeps the text that is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def shown(self) -> str:
        """The text in one line."""
        return " ".join(self.text.split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def anchors(self) -> set[str | None]:
        """Where the links lead."""
        return {attributes["href"] for attributes in self.all("a")}

    @property
    def sections(self) -> set[str]:
        """Where the sections are."""
        return {f"#{attributes['id']}" for attributes in self.all("section")}


def section(html: str, name: str) -> Page:
    """One section of a page."""
    start = html.index(f'<section id="{name}">')
    return Page(html[start : html.index("</section>", start) + len("</section>")])
