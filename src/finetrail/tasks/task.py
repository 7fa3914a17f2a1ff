"""The third of the three plugs: a task joins a content and a target, and makes backbone and head one network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.contents.content import Content
from finetrail.errors import ModelError
from finetrail.settings import joined
from finetrail.targets.target import Target
from finetrail.workspace import read_json, write_json

if TYPE_CHECKING:
    from finetrail.contents.content import Backbone, Processor
    from finetrail.evaluation.slices import Slice
    from finetrail.models.network import Network
    from finetrail.targets.codec import Codec
    from finetrail.targets.learning import Learning

FORMAT = 2
"""The format of model.json. A model of another format answers with the code that it was registered with."""
DESCRIPTION = "model.json"
WEIGHTS = "model.safetensors"
POOLED = "pooled"
"""What a head reads that needs one vector a row."""
BACKBONE = "backbone"
"""The subfolder of a model with what the backbone needs beside its weights."""


@dataclass(frozen=True)
class Task:
    """A task by its Hugging Face name.

    Attributes:
        example: a value as a caller of the registered model sends it.
        features: what the head reads from the backbone: `POOLED`, or what else a content offers.
        pipeline_tag: Hugging Face's name for what a model of this task is used for.
        columns: defaults of `source.columns` that are the task's own.
    """

    name: str
    content: Content
    target: Target
    example: Any = field(hash=False)
    features: str = POOLED
    pipeline_tag: str = ""
    columns: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def identity(self) -> dict[str, str]:
        """How `get_task` finds it again: for model.json, and for the settings of a run."""
        joins = ", ".join(f"{name}: {kind}" for name, kind in self.target.joins.items())
        found = {"task": self.name, "problem_type": self.target.problem_type}
        return found | {"targets": joins} if joins else found

    def of(self, targets: Mapping[str, str | None]) -> "Task":
        """This task with the targets that section `task` of params.yaml names; the same one for the same targets.

        Args:
            targets: the kind of problem of each, by name, None for the first; empty where the section names none.

        Raises:
            ConfigError: it cannot have these.
        """
        return _with_targets(self, tuple(sorted(targets.items())))

    @property
    def slice(self) -> "type[Slice]":
        """How params.yaml declares a slice of its rows."""
        return joined("Slice", self.content.Slice, self.target.Slice)

    def build(self, backbone: "Backbone", learning: "Learning", root: Path, columns: Sequence[str]) -> "Built":
        """A pretrained backbone with a new head.

        Args:
            backbone: the section of params.yaml.
            root: the workspace.
            columns: that a row's content was read from.
        """
        from finetrail.models.network import Network

        loaded = self.content.networks().load_pretrained(backbone, root, self.features, columns)
        model = Network(loaded.network, learning.head(loaded.width), backbone.head_dropout)
        return Built(self, model, loaded.processor, learning, tuple(columns))

    def save(self, built: "Built", backbone: "Backbone", folder: Path) -> None:
        """Write a self-contained model: safetensors, configuration, target, preprocessing."""
        from finetrail.models.bottlenecks import describe_bottlenecks
        from finetrail.models.weights import save_tensors

        settings = self.content.networks().save(built.model.backbone, built.processor, backbone, folder / BACKBONE)
        save_tensors(built.model.state_dict(), folder / WEIGHTS)
        described = {
            "format": FORMAT,
            **self.identity,
            "columns": list(built.columns),
            # The weights lie here now, and come from nowhere else.
            "backbone": settings | {"weights": BACKBONE},
            "target": built.codec.described(),
            **describe_bottlenecks(built.model.backbone),
        }
        write_json(folder / DESCRIPTION, described)

    def load(self, folder: Path) -> "Built":
        """Read back what `save` wrote, without any network, ready to answer."""
        from finetrail.models.bottlenecks import add_bottlenecks
        from finetrail.models.network import Network
        from finetrail.models.weights import load_weights

        described = read_description(folder)
        backbone, columns = described["backbone"], described["columns"]
        loaded = self.content.networks().load_saved(backbone, folder / BACKBONE, self.features, columns)
        if (added := described.get("bottlenecks")) is not None:
            add_bottlenecks(loaded.network, **added)
        learning = self.target.learned(described["target"])
        model = Network(loaded.network, learning.head(loaded.width), backbone["head_dropout"])
        load_weights(model, folder / WEIGHTS)
        return Built(self, model.eval(), loaded.processor, learning, tuple(columns))


@cache
def _with_targets(task: Task, targets: tuple[tuple[str, str | None], ...]) -> Task:
    target = task.target.of(dict(targets))
    if (named := tuple(sorted(target.joins.items()))) != targets:
        return _with_targets(task, named)
    return task if target is task.target else replace(task, target=target)


@dataclass(frozen=True)
class Built:
    """A model with what it needs to read raw values and to name its answers.

    Attributes:
        columns: that a row's content is read from.
    """

    task: Task
    model: "Network"
    processor: "Processor"
    learning: "Learning"
    columns: tuple[str, ...]

    @property
    def codec(self) -> "Codec":
        """How its answers are written down."""
        return self.learning.codec


def read_description(folder: Path) -> Mapping[str, Any]:
    """The model.json of a saved model. Raises: ModelError: there is none, or it has an unknown format."""
    file = folder / DESCRIPTION
    if not file.exists():
        raise ModelError(f"{folder} holds no {DESCRIPTION}, so it is not a finetrail model; train one with `dvc repro`")
    described: Mapping[str, Any] = read_json(file)
    written = described.get("format", 1)
    if written != FORMAT:
        raise ModelError(
            f"{file} has format {written}, but this finetrail reads format {FORMAT}; train it again with `dvc repro`, "
            "or serve it with the code that was registered with it"
        )
    return described
