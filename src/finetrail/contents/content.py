"""The first of the three plugs: what does a row hold? One folder per kind, which implements `Content`.

No code outside of `contents/`, `targets/` and `tasks/` names a kind. What imports torch is behind `networks`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from finetrail.contents.attack import Attack, Attacked
from finetrail.contents.perturbation import Perturbation
from finetrail.settings import Settings

if TYPE_CHECKING:
    from torch import nn

    from finetrail.contents.explainable import Explainable
    from finetrail.contents.exported import Exported, Graph, Outputs
    from finetrail.data.sources.columns import Columns
    from finetrail.data.sources.place import Source as AnySource
    from finetrail.data.sources.unlabelled import Reading, Unlabelled
    from finetrail.data.splitting.settings import Split
    from finetrail.data.validation.rules import CommonRules
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.slices import Slice
    from finetrail.models.inputs import Inputs, Values
    from finetrail.models.network import Batch, Network
    from finetrail.models.placements import Placements


class Backbone(Settings):
    """Section `backbone` of params.yaml; each kind of content extends it.

    Attributes:
        head_dropout: probability of dropping a feature in front of the head while it trains.
    """

    head_dropout: float = 0.0

    @property
    def weights_address(self) -> str | None:
        """The path or address of the weights; None where they come another way."""
        return None


class Processor(Protocol):
    """Turns raw values into `Inputs`, and into what a person looks at."""

    def encode(self, values: "Values", *, augment: Any = None, scratch: Path | None = None) -> "Inputs":
        """Make the values ready for the model.

        Args:
            values: taken one by one, so that they need not be in memory together.
            augment: how training examples vary; None for none.
            scratch: a folder for what is too large for memory; the system's own by default.
        """
        ...

    def show(self, batch: "Batch") -> "list[Preview]":
        """The examples of a batch as the model sees them."""
        ...

    def preview(self, value: Any) -> "Preview":
        """A raw value as a person recognises it."""
        ...


@dataclass(frozen=True)
class Loaded:
    """A backbone without a head.

    Attributes:
        network: maps a batch to features.
        processor: what it reads.
        width: the last dimension of the features; a `Pyramid` for maps of several resolutions.
    """

    network: "nn.Module"
    processor: Processor
    width: Any


class Networks(Protocol):
    """The half of a kind of content that imports torch."""

    def load_pretrained(self, settings: Any, root: Path, features: str, columns: Sequence[str]) -> Loaded:
        """Fetch a pretrained backbone.

        Args:
            settings: section `backbone`.
            root: the folder that a relative path starts from.
            features: what the task reads from it; see `Task.features`.
            columns: what a row's content was read from.
        """
        ...

    def load_saved(self, described: Mapping[str, Any], folder: Path, features: str, columns: Sequence[str]) -> Loaded:
        """Rebuild a backbone, without weights and without any network, from what `save` wrote.

        Args:
            described: what `save` returned.
        """
        ...

    def save(self, network: "nn.Module", processor: Processor, settings: Any, folder: Path) -> dict[str, Any]:
        """Write what `load_saved` needs beside the weights; returns what it needs of the settings."""
        ...

    def export(self, network: "Network", processor: Any, folder: Path, outputs: "Outputs") -> "Exported":
        """Write the model as the libraries of this content store one, and read it back to compare.

        Raises:
            ModelError: they cannot express it, or would answer otherwise.
        """
        ...

    def explainable(self, network: "Network", processor: Any, content: Any) -> "list[Explainable]":
        """The examples of a row, ready for gradients, in the order in which `Processor.encode` has them."""
        ...

    def attack(
        self, name: str, attacked: Attacked, batch: "Batch", epsilons: Sequence[int], seeds: Sequence[int]
    ) -> "Iterator[Batch]":
        """A batch as an attacker changes it, who sees the gradient of the loss.

        Args:
            name: one of `Content.attacks`.
            batch: with its targets; it stays as it is.
            epsilons: how much may be changed, ascending.
            seeds: of what is drawn for each example.

        Returns:
            A batch for each epsilon.
        """
        ...

    def graph(self, network: "Network", processor: Any, folder: Path, outputs: "Outputs") -> "Graph":
        """The model as a function of plain tensors. Writes what prepares these tensors to `folder`."""
        ...


class Content(ABC):
    """A kind of content.

    Attributes:
        name: of its column in the shards.
        noun: what one is called in messages.
        size: the column of the manifest that says how large a content is.
        offers: what adaptations may ask of a backbone, beside its weights.
        requirements: packages that a registered model of this content imports, beside those that all do.
        sent: the columns that callers send, and their types, where these are not strings under the names of `columns`;
            a `?` behind a type: a row may lack it.
        measures_kernels: whether training in 16 bits chooses kernels by measuring, so that its bits may differ.
        perturbations: by name; all that `perturb` knows.
        attacks: by name; all that `Networks.attack` knows.
        Columns, Source, Rules, Split, Training, Slice: its parts of the sections of params.yaml.
    """

    name: str
    noun: str
    size: str
    offers: frozenset[str]
    requirements: tuple[str, ...]
    sent: Mapping[str, str] = {}
    measures_kernels: bool
    perturbations: Mapping[str, Perturbation]
    attacks: Mapping[str, Attack]
    Columns: "type[Columns]"
    Source: "type[AnySource]"
    Rules: "type[CommonRules]"
    Split: "type[Split]"
    Training: type[Settings]
    Slice: "type[Slice]"

    @abstractmethod
    def backbone(self, features: str) -> type[Backbone]:
        """Section `backbone`. Args: features: what the task reads from it; see `Task.features`."""

    def training(self, in_place: bool, objects: bool) -> type[Settings]:
        """Its part of section `train`. Args: in_place, objects: see `finetrail.targets.target.Target`."""
        return self.Training

    @abstractmethod
    def networks(self) -> Networks:
        """The half that imports torch."""

    @abstractmethod
    def unlabelled(
        self, path: Path, columns: Sequence[str], source: "AnySource | None", reading: "Reading"
    ) -> "Iterator[Unlabelled]":
        """The raw values of a file or folder to score.

        Args:
            columns: that hold them.
            source: of the training data, if the columns are its own; None if a person named others.
            reading: how a table is written, and the caller's columns to keep.
        """

    @abstractmethod
    def receive(self, rows: Sequence[Mapping[str, object]], read_paths: bool) -> list[Any]:
        """Turn rows, as callers send them by column, into contents.

        Args:
            read_paths: whether a value may name a file on this machine.

        Raises:
            DataError: a row cannot be read; the message names it.
        """

    @abstractmethod
    def faults(self, contents: Sequence[Any]) -> dict[int, str]:
        """The reason for each content that cannot be read, by its place from 0."""

    def typical(self, contents: "Values", rows: Sequence[bool]) -> list[str]:
        """A few words that set some contents apart from the others; none by default."""
        return []

    @abstractmethod
    def perturb(self, name: str, content: Any, severity: int, seed: int) -> Any:
        """A content as it may be found in the world: see `finetrail.contents.perturbation`.

        Args:
            name: one of `perturbations`.
            severity: 1 to 5; 0 for the content as it is.
            seed: equal seeds give equal contents.
        """

    def moved(self, names: Sequence[str], was: Sequence[Any], became: Sequence[Any]) -> "Sequence[Placements] | None":
        """Where each content lies on what it became, for answers that name places in pixels; None for other contents.

        Args:
            names: of the perturbations; "" for none.
        """
        return None
