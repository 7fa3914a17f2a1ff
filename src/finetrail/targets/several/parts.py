"""The parts that several targets are made of: each has a name, and in each section of params.yaml its own keys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import create_model, model_validator

from finetrail.errors import ConfigError
from finetrail.evaluation.scores.metric import Metric
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.targets.target import Target

Label = Mapping[str, Any]
"""A label of several targets: the label of each by its name; None, or no entry, where a row has none."""


def known(labels: Sequence[Label], name: str) -> tuple[list[int], list[Any]]:
    """The places of the rows that have a label of a target, and these labels."""
    pairs = [(place, label[name]) for place, label in enumerate(labels) if label.get(name) is not None]
    return [place for place, _ in pairs], [label for _, label in pairs]


def leading(target: "Target") -> Metric:
    """The metric by which a target counts in the mean: its last that is of no unit, and better the higher."""
    return [metric for metric in target.metrics if not metric.lower and not metric.in_unit][-1]


def chosen(asked: Mapping[str, str | None], kinds: "Sequence[Target]") -> "dict[str, Target]":
    """The targets that params.yaml asks for, by name.

    They are sorted, because JSON files are: the outputs of a model must not depend on the order in which a file names
    them.

    Args:
        asked: the kind of problem of each; None for the first of `kinds`.
        kinds: that it may be of.

    Raises:
        ConfigError: there are fewer than two, or one is of another kind.
    """
    by_type = {kind.problem_type: kind for kind in kinds}
    if len(asked) < 2:
        raise ConfigError(
            f"task.targets names {len(asked)} targets, but this task learns several at once; name two or more, such as "
            "`targets: {topic: {}, stars: {problem_type: regression}}`, or use another task"
        )
    for name, problem_type in asked.items():
        if problem_type not in (None, *by_type):
            raise ConfigError(
                f"task.targets.{name}.problem_type is {problem_type!r}, but a target among several is one of "
                f"{', '.join(by_type)}; use one of these"
            )
    return {name: by_type[asked[name] or kinds[0].problem_type] for name in sorted(asked)}


class Part(Settings):
    """The keys that one target has in a section; those that hold for all targets stand in the section itself.

    Attributes:
        of_all: the keys of the section itself.
    """

    of_all: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _has_its_own_keys(cls, data: Any) -> Any:
        shared = [key for key in data if key in cls.of_all] if isinstance(data, dict) else []
        if shared:
            raise ValueError(f"key {shared[0]!r} is that of all targets; set it beside `targets`")
        return data


def per_target(
    section: str,
    targets: "Mapping[str, Target]",
    of_all: Iterable[str],
    base: "Callable[[Target], type[Any]]",
    more: Callable[[str], Mapping[str, Any]] = lambda name: {},
) -> tuple[type[Settings], Settings]:
    """The key `targets` of a section, with the keys of each target below its name, and its default.

    Args:
        section: its name, for the models.
        of_all: keys that a target shares with all others.
        base: the kind's own part of the section.
        more: fields that replace those of the kind, by the name of a target.
    """
    fields: dict[str, Any] = {}
    shared = frozenset(of_all)
    for name, target in targets.items():
        made = create_model(f"{section}Of{name.title()}", __base__=(Part, base(target)), **more(name))
        made.of_all = shared  # type: ignore[attr-defined]
        fields[name] = (made, made())
    joint: type[Settings] = create_model(f"{section}OfTargets", __base__=Settings, **fields)
    return joint, joint()
