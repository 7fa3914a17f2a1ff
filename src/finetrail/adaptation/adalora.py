"""`adalora`: low-rank updates whose ranks move to the layers that need them (Zhang et al. 2023), by peft."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field, model_validator

from finetrail.adaptation.callback import Callback
from finetrail.adaptation.layers import adaptable_layers, is_transposed, layers_to_adapt
from finetrail.adaptation.merged import Merged

if TYPE_CHECKING:
    from torch import Tensor

    from finetrail.models.network import Network


class Adalora(Merged):
    """Train low-rank updates, and the head, within a budget of ranks for the whole backbone.

    Each update is a sum of directions, scaled by singular values. Every layer starts with `initial_r` of them. Then the
    least important of all layers are set to 0, more of them step by step, until `r` a layer are left on average.

    Attributes:
        r: the mean rank of an update in the end.
        initial_r: the rank of each update in the beginning.
        alpha: an update is scaled by alpha / initial_r.
        start: the share of all steps before the budget begins to fall.
        settle: the share of all steps, the last ones, in which the ranks stay as they are.
        every: steps from one choice of ranks to the next.
        orthogonal: the weight of a penalty for directions that are not orthogonal to each other. It is part of the
            gradient, and not of the loss in the curves.
        dropout: before an update.
        target_modules: the name endings of the layers that get one; by default all linear layers of the backbone, or,
            if it has none, its ungrouped convolutions. Not `nn.MultiheadAttention`.
    """

    method: Literal["adalora"]
    r: int = Field(8, ge=1)
    initial_r: int = Field(12, ge=2)
    alpha: float = Field(16.0, gt=0)
    start: float = Field(0.1, ge=0, lt=1)
    settle: float = Field(0.3, ge=0, lt=1)
    every: int = Field(1, ge=1)
    orthogonal: float = Field(0.1, ge=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: tuple[str, ...] | None = Field(None, strict=False)

    depends_on_length: ClassVar[bool] = True
    shards: ClassVar[bool] = False

    @model_validator(mode="after")
    def _ranks_can_fall(self) -> "Adalora":
        if self.initial_r <= self.r:
            raise ValueError(f"initial_r {self.initial_r} is not above r {self.r}; raise it, or use method lora")
        if self.start + self.settle >= 1:
            raise ValueError(
                f"start {self.start} and settle {self.settle} leave no step in which ranks fall; lower one of the two"
            )
        return self

    def apply(self, model: "Network") -> None:
        """Freeze the backbone and put updates beside its layers.

        Raises:
            ConfigError: `target_modules` names no layer of this backbone.
        """
        from peft import AdaLoraConfig, get_peft_model

        targets = layers_to_adapt(*adaptable_layers(model.backbone, whole_attentions=False), self.target_modules)
        config = AdaLoraConfig(
            init_r=self.initial_r,
            target_r=self.r,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            deltaT=self.every,
            total_step=1,  # not known yet; see `callback`
            target_modules=targets,
            fan_in_fan_out=any(is_transposed(model.backbone.get_submodule(name)) for name in targets),
        )
        model.backbone = get_peft_model(model.backbone, config)

    def callback(self, model: "Network", steps: int) -> Callback:
        """What chooses the ranks."""
        return _Ranks(model, self, steps)


class _Ranks(Callback):
    """Lets peft choose the ranks after every step."""

    def __init__(self, model: "Network", settings: Adalora, steps: int) -> None:
        self._tuner = cast(Any, model.backbone).base_model
        self._config = self._tuner.peft_config[self._tuner.trainable_adapter_name]
        self._orthogonal = settings.orthogonal
        self._config.total_step = steps
        self._config.tinit, self._config.tfinal = int(settings.start * steps), int(settings.settle * steps)
        self._settled = False

    def on_gradient(self) -> None:
        """Add the gradient of the penalty, which peft adds only to losses that its own model returns."""
        import torch

        if not self._orthogonal:
            return
        sides = [one for name, one in self._tuner.model.named_parameters() if "lora_A" in name or "lora_B" in name]
        grams = [one @ one.T if one.shape[0] < one.shape[1] else one.T @ one for one in sides]
        apart = [torch.linalg.matrix_norm(one - torch.eye(len(one), device=one.device)) for one in grams]
        penalty = self._orthogonal * torch.stack(apart).mean()
        for side, gradient in zip(sides, torch.autograd.grad(penalty, sides), strict=True):
            side.grad = gradient if side.grad is None else side.grad + gradient

    def after_update(self, step: int) -> None:
        """Choose the ranks again, for good once their budget has fallen; steps that were skipped choose nothing."""
        last = self._config.total_step - self._config.tfinal
        self._tuner.update_and_allocate(step if self._settled else min(step, last))
        self._settled = self._settled or step >= last

    def tensors(self) -> "dict[str, Tensor]":
        """How important each number was, smoothed over the steps, and how sure that is."""
        ranks = self._tuner.rankallocator
        means = {f"mean.{name}": one for name, one in ranks.exp_avg_ipt.items()}
        return means | {f"spread.{name}": one for name, one in ranks.exp_avg_unc.items()}

    def state(self) -> dict[str, Any]:
        """The ranks, and whether they are chosen for good."""
        return {"settled": self._settled, "ranks": self._config.rank_pattern}

    def restore(self, tensors: "dict[str, Tensor]", state: dict[str, Any]) -> None:
        """Continue from what `tensors` and `state` returned."""
        import torch

        self._settled, self._config.rank_pattern = state["settled"], state["ranks"]
        ranks, parameters = self._tuner.rankallocator, dict(self._tuner.model.named_parameters())
        for kind, kept in (("mean.", ranks.exp_avg_ipt), ("spread.", ranks.exp_avg_unc)):
            for name, tensor in tensors.items():
                if name.startswith(kind):
                    kept[name.removeprefix(kind)] = tensor.to(parameters[name.removeprefix(kind)].device)
        ranks.ipt = {name: torch.zeros_like(one) for name, one in ranks.exp_avg_ipt.items()}
