"""What each method trains, what it leaves alone, and what it leaves behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from finetrail.adaptation.adalora import Adalora
from finetrail.adaptation.adapter import Adapter
from finetrail.adaptation.bitfit import Bitfit
from finetrail.adaptation.extra_layers import ExtraLayers
from finetrail.adaptation.full import Full
from finetrail.adaptation.gradual_unfreeze import GradualUnfreeze
from finetrail.adaptation.ia3 import Ia3
from finetrail.adaptation.last_layers import LastLayers
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.adaptation.methods import Adaptation
from finetrail.adaptation.prefix_tuning import PrefixTuning
from finetrail.adaptation.prompt_tuning import PromptTuning
from finetrail.adaptation.vera import Vera
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError
from finetrail.models.inputs import Inputs
from finetrail.models.network import Network, count_parameters
from finetrail.tasks.registry import get_task, load_model
from finetrail.tasks.task import Built
from tests.unit.models.networks import answers, copies, text_classifier

BACKBONE = 5664  # counted in tasks/test_text_classification.py
LAYER = 4 * (16 * 16 + 16) + (16 * 32 + 32) + (32 * 16 + 16) + 2 * (16 + 16)
HEAD = 16 * 2 + 2
# Of each of the 2 layers: query, key, value and attention output 16 -> 16, up 16 -> 32, down 32 -> 16.
LORA_RANK_1 = 2 * (4 * (16 + 16) + (16 + 32) + (32 + 16))
TEXTS = ["good fine great door", "bad poor", "the superb house of stone", "sad awful weak cloud river"]
TARGETS = torch.tensor([0, 1, 0, 1])
# Of each layer: four square products, up, down, and two norms; and the norm of the embeddings.
BIASES = 2 * (4 * 16 + 32 + 16 + 2 * 16) + 16
# Of each layer: keys, values, and what goes into the product down.
IA3 = 2 * (16 + 16 + 32)
METHODS: dict[str, Adaptation] = {
    "linear_probe": LinearProbe(method="linear_probe"),
    "last_layers": LastLayers(method="last_layers", layers=1),
    "gradual_unfreeze": GradualUnfreeze(method="gradual_unfreeze"),
    "lora": Lora(method="lora", r=4, alpha=8),
    "rslora": Lora(method="lora", r=4, alpha=8, rslora=True),
    "dora": Lora(method="lora", r=4, alpha=8, dora=True),
    "pissa": Lora(method="lora", r=4, alpha=8, init="pissa"),
    "adalora": Adalora(method="adalora", r=2, initial_r=4),
    "vera": Vera(method="vera", r=8),
    "upper lora": Lora(method="lora", r=4, alpha=8, layers=1),
    "adapter": Adapter(method="adapter", size=4),
    "houlsby": Adapter(method="adapter", size=4, placement="houlsby"),
    "extra_layers": ExtraLayers(method="extra_layers", layers=2),
    "trained below": ExtraLayers(method="extra_layers", backbone="trained"),
    "ia3": Ia3(method="ia3"),
    "bitfit": Bitfit(method="bitfit"),
    "prompt_tuning": PromptTuning(method="prompt_tuning", tokens=3),
    "prefix_tuning": PrefixTuning(method="prefix_tuning", tokens=3),
    "full": Full(method="full"),
}


@pytest.fixture
def build(backbone: TextBackbone) -> Callable[[], Built]:
    """The same new model each time."""

    def fresh() -> Built:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return text_classifier(backbone)

    return fresh


def some_steps(model: Network, inputs: Inputs) -> None:
    """Train long enough that everything that can change has changed."""
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.5)
    model.train()
    for _ in range(5):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs.batch(range(4))), TARGETS).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.eval()


@pytest.mark.parametrize(
    ("method", "trainable", "added"),
    [
        (LinearProbe(method="linear_probe"), HEAD, 0),
        (Full(method="full"), BACKBONE + HEAD, 0),
        (LastLayers(method="last_layers", layers=1), LAYER + HEAD, 0),
        (LastLayers(method="last_layers", layers=3), BACKBONE + HEAD, 0),  # the embeddings are a layer, too
        (GradualUnfreeze(method="gradual_unfreeze"), BACKBONE + HEAD, 0),  # each of them sooner or later
        (Lora(method="lora", r=1), LORA_RANK_1 + HEAD, LORA_RANK_1),
        (Lora(method="lora", r=8), 8 * LORA_RANK_1 + HEAD, 8 * LORA_RANK_1),
        (Lora(method="lora", r=2, target_modules=("query", "value")), 2 * 2 * 2 * 32 + HEAD, 2 * 2 * 2 * 32),
        (Lora(method="lora", r=1, target_modules=("attention.output.dense",)), 2 * 32 + HEAD, 2 * 32),
        (Lora(method="lora", r=1, layers=1), LORA_RANK_1 // 2 + HEAD, LORA_RANK_1 // 2),
        (Lora(method="lora", r=1, layers=2, target_modules=("query",)), 2 * 32 + HEAD, 2 * 32),
        # and the length of each column
        (Lora(method="lora", r=1, dora=True), LORA_RANK_1 + 2 * (5 * 16 + 32) + HEAD, LORA_RANK_1 + 2 * (5 * 16 + 32)),
        (Lora(method="lora", r=8, init="pissa"), 8 * LORA_RANK_1 + HEAD, 8 * LORA_RANK_1),
        # and the singular values
        (Adalora(method="adalora", r=2, initial_r=3), 3 * (LORA_RANK_1 + 12) + HEAD, 3 * (LORA_RANK_1 + 12) + 12),
        # one number a rank and one an output
        (Vera(method="vera", r=8), 12 * 8 + 2 * (5 * 16 + 32) + HEAD, 12 * 8 + 2 * (5 * 16 + 32)),
        (Ia3(method="ia3"), IA3 + HEAD, IA3),
        (Ia3(method="ia3", target_modules=("query",)), 2 * 16 + HEAD, 2 * 16),
        (Bitfit(method="bitfit"), BIASES + HEAD, 0),
    ],
)
def test_what_trains(build: Callable[[], Built], method: Adaptation, trainable: int, added: int) -> None:
    model = build().model
    method.apply(model)
    assert count_parameters(model) == {"trainable": trainable, "total": BACKBONE + HEAD + added}
    method.merge(model)
    assert count_parameters(model)["total"] == BACKBONE + HEAD


@pytest.mark.parametrize(
    ("method", "added"),
    [
        (PromptTuning(method="prompt_tuning", tokens=3), 3 * 16),
        (Adapter(method="adapter", size=4), 2 * (16 * 4 + 4 + 4 * 16 + 16)),  # one in each of two layers
        (Adapter(method="adapter", size=4, placement="houlsby"), 4 * (16 * 4 + 4 + 4 * 16 + 16)),
        (ExtraLayers(method="extra_layers", layers=2), 2 * LAYER),
        (PrefixTuning(method="prefix_tuning", tokens=3), 2 * 2 * 3 * 16),  # keys and values of two layers
    ],
)
def test_what_stays_beside_the_backbone(build: Callable[[], Built], method: Adaptation, added: int) -> None:
    model = build().model
    method.apply(model)
    method.merge(model)
    assert count_parameters(model) == {"trainable": added + HEAD, "total": BACKBONE + HEAD + added}


@pytest.mark.parametrize("name", list(METHODS))
def test_training_changes_what_trains_and_nothing_else(build: Callable[[], Built], name: str) -> None:
    built, method = build(), METHODS[name]
    method.apply(built.model)
    trains = {name for name, parameter in built.model.named_parameters() if parameter.requires_grad}
    before = copies(built.model)
    some_steps(built.model, built.processor.encode(TEXTS))
    differ = {name for name, tensor in built.model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert differ <= trains
    assert differ >= {"head.weight", "head.bias"}
    if name == "linear_probe":
        assert trains == {"head.weight", "head.bias"}
    # Rows of embeddings that no text uses, and the bias of the keys (softmax ignores it), have no gradient.
    assert {name for name in trains - differ if "key.bias" not in name} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", list(METHODS))
def test_what_was_trained_and_merged_is_what_is_saved_and_loaded(
    build: Callable[[], Built], backbone: TextBackbone, tmp_path: Path, name: str
) -> None:
    built, method = build(), METHODS[name]
    inputs = built.processor.encode(TEXTS)
    method.apply(built.model)
    for epoch in (1, 2):
        method.start_epoch(built.model, epoch)
        some_steps(built.model, inputs)
    trained = answers(built.model, inputs, 4)
    method.merge(built.model)
    np.testing.assert_allclose(answers(built.model, inputs, 4), trained, rtol=1e-4, atol=1e-5)
    get_task("text-classification").save(built, backbone, tmp_path)
    loaded = load_model(tmp_path)
    again = loaded.processor.encode(TEXTS)
    assert (answers(loaded.model, again, 4) == answers(built.model, inputs, 4)).all()
    assert [path.name for path in tmp_path.rglob("*.safetensors")] == ["model.safetensors"]


def test_a_merged_low_rank_model_is_a_plain_model_with_the_same_answers(build: Callable[[], Built]) -> None:
    built = build()
    inputs = built.processor.encode(TEXTS)
    plain = {name: tensor.shape for name, tensor in built.model.state_dict().items()}
    before = copies(built.model)
    untrained = answers(built.model, inputs, 4)
    method = Lora(method="lora", r=4, alpha=8)
    method.apply(built.model)
    assert (answers(built.model, inputs, 4) == untrained).all()  # an update starts at zero
    some_steps(built.model, inputs)
    adapter = answers(built.model, inputs, 4)
    assert abs(adapter - untrained).max() > 0.01
    method.merge(built.model)
    assert abs(answers(built.model, inputs, 4) - adapter).max() < 1e-5
    assert {name: tensor.shape for name, tensor in built.model.state_dict().items()} == plain
    differ = {name for name, tensor in built.model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert all(".dense.weight" in name or "attention.self" in name or name.startswith("head.") for name in differ)


def test_an_update_is_the_product_of_its_two_matrices_scaled_by_alpha_over_r(build: Callable[[], Built]) -> None:
    model = build().model
    name = "backbone.encoder.encoder.layer.1.attention.self.query.weight"
    before = model.state_dict()[name].clone()
    method = Lora(method="lora", r=2, alpha=6, target_modules=("layer.1.attention.self.query",))
    method.apply(model)
    added = {key.split(".")[-3]: tensor for key, tensor in model.named_parameters() if "lora_" in key}
    assert {key: tuple(tensor.shape) for key, tensor in added.items()} == {"lora_A": (2, 16), "lora_B": (16, 2)}
    with torch.no_grad():
        added["lora_B"].copy_(torch.randn(16, 2))
        expected = before + 3 * added["lora_B"] @ added["lora_A"]
    method.merge(model)
    torch.testing.assert_close(model.state_dict()[name], expected)


@pytest.mark.parametrize("targets", [("q_proj", "v_proj"), ("uery_",), ()])
def test_layers_that_this_backbone_lacks_are_refused(build: Callable[[], Built], targets: tuple[str, ...]) -> None:
    model = build().model
    with pytest.raises(
        ConfigError,
        match=r"target_modules .+ match no linear layer .+; this backbone has dense, key, query, ",
    ):
        Lora(method="lora", target_modules=targets).apply(model)


def test_a_layer_that_this_backbone_lacks_is_not_passed_over_beside_one_that_it_has(build: Callable[[], Built]) -> None:
    with pytest.raises(
        ConfigError,
        match=r"target_modules \['valeu'\] match no linear layer or ungrouped convolution; this backbone has ",
    ):
        Lora(method="lora", target_modules=("query", "valeu")).apply(build().model)
