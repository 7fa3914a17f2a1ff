"""The ranking of all rows by how suspicious their labels are: all numbers of the report come from its file."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from finetrail.assessment.assessed import Given
from finetrail.assessment.labels.cross_fitting import Computed, cross_fitted
from finetrail.assessment.labels.retrained import CrossTraining
from finetrail.assessment.labels.rows import Examined, folds_of
from finetrail.errors import ConfigError
from finetrail.inference.device import build_accelerator, fix_seeds
from finetrail.inference.features import compute_features
from finetrail.inference.feeding import feed
from finetrail.models.inputs import Inputs, Watched
from finetrail.models.network import Network, for_model
from finetrail.progress import duration
from finetrail.targets.codec import Codec, refuse_broken
from finetrail.targets.suspicion import Suspicion
from finetrail.targets.target import Target

BATCH = 64
TRIED = 32
"""Rows whose features are timed beforehand."""
REMEDY = "scale the contents, or use another backbone"


@dataclass(frozen=True)
class Ranked:
    """Attributes: codec: of the answers; suspicion: of each row; features: of the pretrained backbone."""

    codec: Codec
    suspicion: Suspicion
    features: Computed


def ranked(given: Given, known: Examined, folds: int, file: Path) -> Ranked:
    """Answer each row by a head that did not see it, judge its label, and write predictions.parquet.

    The features are those of the pretrained backbone. The fine-tuned one has seen the labels of the training rows: it
    puts a row where its label says that it belongs, wrong or not.

    Raises:
        ConfigError: there are no heads to fit.
        ModelError: an answer is NaN or infinite.
    """
    labels = known.labels
    learning = given.built.task.target.learn(labels, given.settings.train)
    fix_seeds(given.pipeline.seed)
    built = given.built.task.build(given.settings.backbone, learning, given.workspace.root, given.built.columns)
    head = built.model.head
    if next(head.parameters(), None) is None:
        raise ConfigError(
            "assess.labels trains heads on other rows, but a model of this task has no head; remove assess.labels, and "
            "look at the worst rows of the test report"
        )
    linear = isinstance(head, nn.Linear)
    built.model.to(build_accelerator().device).eval()
    started = time.perf_counter()
    contents = Watched(known.contents, given.track, "reading rows")
    settings: Any = given.settings.train
    augment = None if linear else settings.augment
    inputs = built.processor.encode(contents, augment=augment, scratch=given.workspace.scratch)
    inputs = inputs.labelled(learning.encode(labels, inputs))
    trained = CrossTraining(given, known, learning, inputs)
    given.tell(_beforehand(built.model, inputs) if linear else trained.beforehand(folds))
    features = compute_features(built.model, inputs, BATCH, given.track, given.workspace.scratch)
    computed = time.perf_counter()
    numbers = folds_of(given, known, folds)
    divided = time.perf_counter()
    if linear:
        loss = learning.loss(given.settings.train, labels)
        kept = cross_fitted(learning, features, numbers, loss=loss, seed=given.pipeline.seed, track=given.track)
    else:
        kept = trained.kept(numbers)
    fitted = time.perf_counter()
    given.tell(
        f"features of {len(labels)} rows: {computed - started:.1f} seconds; {len(set(numbers))} heads: "
        f"{fitted - divided:.1f} seconds"
    )
    answers = learning.answers(kept, inputs)
    codec = learning.fitted(kept, inputs, labels).codec
    refuse_broken(codec, answers, "the cross-fitted head", REMEDY)
    suspicion = codec.judge.suspicion(labels, answers)
    _write(known, given.built.task.target, {"fold": numbers, **codec.columns(answers)}, suspicion, file)
    return Ranked(codec, suspicion, features)


def order_of(suspicion: Suspicion) -> list[int]:
    """The rows, the most suspicious first."""
    found: list[int] = np.argsort(suspicion.quality, kind="stable").tolist()
    return found


def _beforehand(model: Network, inputs: Inputs) -> str:
    tried = min(TRIED, len(inputs))
    started = time.perf_counter()
    with torch.inference_mode():
        for batch in feed(inputs, [(range(tried), None)], next(model.parameters()).device):
            model.features(for_model(batch))
    seconds = (time.perf_counter() - started) / tried * len(inputs)
    return f"{len(inputs)} examples: about {duration(seconds)} for features, and seconds for heads"


def _write(known: Examined, target: Target, columns: Mapping[str, Any], suspicion: Suspicion, file: Path) -> None:
    """Labels and suggestions have the type that labels have everywhere. Args: columns: of the answers, and the fold."""
    rows = known.rows
    groups = ["group"] if rows["group"].notna().any() else []
    frame = rows[["id", "split", *groups]].assign(quality=suspicion.quality, flagged=suspicion.flagged)
    table = pa.Table.from_pandas(frame.assign(**columns), preserve_index=False)
    for name, values in (("label", known.labels), ("suggestion", list(suspicion.suggestions))):
        table = table.append_column(name, pa.array(values, target.arrow()))
    pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")
