"""docs/params.md names every key of the sections `train` and `gate`, with its default."""

import pytest
from ruamel.yaml import YAML

from finetrail.assessment.attacks.settings import Attacks
from finetrail.assessment.explanations.settings import Explanations
from finetrail.assessment.labels.settings import Labels
from finetrail.assessment.robustness.settings import Robustness
from finetrail.assessment.slices.settings import Slices
from finetrail.assessment.stability.settings import Stability
from finetrail.auxiliary.distillation import Distillation
from finetrail.contents.image.augment.settings import Augment
from finetrail.contents.image.fitted.settings import ObjectAugment
from finetrail.contents.text.settings import ChatBackbone, TextAugment, WrittenBackbone
from finetrail.data.sources.without_labels import WithoutLabels
from finetrail.evaluation.selection import Selection
from finetrail.gate.settings import Gate
from finetrail.search.settings import Search
from finetrail.settings import Settings
from finetrail.targets.class_sets.settings import SetTraining
from finetrail.targets.classes.settings import ClassTraining
from finetrail.targets.instances.settings import InstanceTraining
from finetrail.targets.masks.training import MaskTraining
from finetrail.targets.numbers.settings import NumberTraining
from finetrail.targets.preferences.settings import PreferenceTraining
from finetrail.targets.sequences.settings import TranslationTraining
from finetrail.targets.spans.settings import SpanTraining
from finetrail.targets.tags.settings import TagTraining
from finetrail.tasks.text_multi_target import TARGET
from finetrail.training.settings import Training
from tests.contract.pipeline import REPOSITORY

PAGE = (REPOSITORY / "docs" / "params.md").read_text(encoding="utf-8")


def defaults(opening: str) -> dict[str, str]:
    """The first table after an opening: its keys, of which a row may have several, and their defaults as they stand."""
    lines = PAGE.split(f"\n{opening}\n")[1].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("| key | default |"))
    found: dict[str, str] = {}
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        keys, values = (cell.strip() for cell in line.split("|")[1:3])
        names, given = ([name.strip().strip("`") for name in cell.split("`, `")] for cell in (keys, values))
        assert not set(names) & set(found), f"{names} stand there twice"
        found |= dict(zip(names, given * len(names) if len(given) == 1 else given, strict=True))
    return found


@pytest.mark.parametrize(
    ("opening", "section"),
    [
        ("`backbone`, where a model [writes a text](sequences.md#models):", WrittenBackbone),
        ("`backbone`, where a model [answers conversations](generation.md#models):", ChatBackbone),
        ("## unlabelled", WithoutLabels),
        ("## train", Training),
        (
            "`distillation` lets a candidate learn from a larger model; see [distillation](distillation.md):",
            Distillation,
        ),
        ("`train`, where labels are classes:", ClassTraining),
        ("`train`, where labels are sets of classes:", SetTraining),
        ("`train`, where labels are numbers:", NumberTraining),
        ("`train`, where a row has [several targets](several-targets.md):", TARGET.Training),
        ("`train`, where labels are tags:", TagTraining),
        ("`train`, where labels are texts:", TranslationTraining),
        ("`train`, where labels are [preference pairs](generation.md#preference-pairs):", PreferenceTraining),
        ("`train`, where labels are answers in a context:", SpanTraining),
        ("`train`, where labels are masks:", MaskTraining),
        ("`train`, where labels are [masks of objects](segmentation.md#objects):", InstanceTraining),
        ("`augment`, for texts; off by default:", TextAugment),
        ("`augment`, for images; all off by default:", Augment),
        ("`augment`, for boxes and masks, which move with their images; all off by default:", ObjectAugment),
        ("`labels`, all optional (`labels: {}`); see [labels.md](labels.md):", Labels),
        ("`robustness`, all optional (`robustness: {}`):", Robustness),
        ("`attacks`, all optional (`attacks: {}`):", Attacks),
        ("`slices`, all optional (`slices: {}`); see [slices.md](slices.md):", Slices),
        ("`explanations`, all optional (`explanations: {}`); see [explanations.md](explanations.md):", Explanations),
        ("`stability`, all optional (`stability: {}`); see [stability.md](stability.md):", Stability),
        ("`search`, all optional (`search: {}`):", Search),
        ("## selection", Selection),
        ("## gate", Gate),
    ],
    ids=[
        "writing",
        "conversations",
        "rows without labels",
        "train",
        "distillation",
        "classes",
        "class sets",
        "numbers",
        "several targets",
        "tags",
        "texts to write",
        "preference pairs",
        "spans",
        "masks",
        "instances",
        "texts",
        "images",
        "boxes and masks",
        "labels",
        "robustness",
        "attacks",
        "slices",
        "explanations",
        "stability",
        "search",
        "selection",
        "gate",
    ],
)
def test_every_key_is_named_with_its_default(opening: str, section: type[Settings]) -> None:
    written = {key: YAML(typ="safe").load(value) for key, value in defaults(opening).items()}
    assert list(written) == list(section.model_fields), "in the order of the settings"
    found = section(**written)
    known = {key: field for key, field in section.model_fields.items() if not field.is_required()}
    assert {key: getattr(found, key) for key in known} == {
        key: field.get_default(call_default_factory=True) for key, field in known.items()
    }
