"""Where finished units are kept: by the hash of all that they depend on, so that equal work is done once."""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from finetrail.evaluation.scores.metric import Point
from finetrail.locations import sha256_of
from finetrail.serving.predictions import read_predictions, write_predictions
from finetrail.workspace import read_json, write_json

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.codec import Codec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answered:
    """A finished unit.

    Attributes:
        val: loss and metrics on the validation rows.
        target: describes the codec of its answers; see `Codec.described`.
        rows: how many it learned from.
        settings: that it was trained with, by dotted name.
        parameters: `trainable` and `total`.
        curve: a point for each evaluation.
        held_out: metrics on the fold that it did not learn from; empty where it learned from all.
        frame: its answers, as in predictions.parquet.
    """

    val: dict[str, float]
    target: dict[str, Any]
    rows: int
    seconds: float
    settings: dict[str, str]
    parameters: dict[str, int]
    curve: list[Point]
    held_out: dict[str, float]
    frame: "pd.DataFrame"


class Store:
    """Units by their keys. Args: folder: outside of every out, because DVC deletes outs before a stage."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, key: str) -> bool:
        """Whether the unit is finished and its files are whole."""
        try:
            whole = bool(read_json(self._described(key))["sha256"] == sha256_of(self._answers(key)))
        except FileNotFoundError:
            return False
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            whole = False
        if whole:  # it may have been killed just before these were removed
            shutil.rmtree(self.checkpoints(key), ignore_errors=True)
        else:
            log.warning("%s is damaged: that unit is trained again", self._answers(key).stem)
        return whole

    def read(self, key: str) -> Answered:
        """A unit that is there."""
        described = read_json(self._described(key))
        known = {one.name: described[one.name] for one in fields(Answered) if one.name != "frame"}
        return Answered(**known, frame=read_predictions(self._answers(key)))

    def write(
        self,
        key: str,
        val: "pd.DataFrame",
        codec: "Codec",
        answers: Any,
        described: dict[str, Any],
        *,
        keep: Path | None = None,
    ) -> None:
        """Keep a finished unit, whole or not at all.

        Args:
            val: the validation rows.
            keep: where its checkpoints go; None: they are removed.
        """
        partial = self._answers(key).with_suffix(".partial")
        write_predictions(partial, val, codec, answers)
        partial.replace(self._answers(key))
        write_json(self._described(key), described | {"sha256": sha256_of(self._answers(key))})
        if keep is not None:
            shutil.rmtree(keep, ignore_errors=True)
            keep.parent.mkdir(parents=True, exist_ok=True)
            self.checkpoints(key).replace(keep)
        shutil.rmtree(self.checkpoints(key), ignore_errors=True)

    def checkpoints(self, key: str) -> Path:
        """The folder of a unit in progress."""
        return self._folder / key

    @contextmanager
    def claimed(self, key: str) -> Iterator[bool]:
        """Yields whether this process may train the unit: not while another holds it. The system frees a dead one's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / f"{key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _described(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _answers(self, key: str) -> Path:
        return self._folder / f"{key}.parquet"
