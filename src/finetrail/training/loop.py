"""The training loop: any network, any inputs, any objective, any method of adaptation. It knows no task."""

from collections.abc import Mapping
from functools import partial
from itertools import islice

from torch import Tensor

from finetrail.adaptation.full import Full
from finetrail.adaptation.method import Method
from finetrail.inference.allocator import return_freed_memory
from finetrail.inference.device import Machine
from finetrail.inference.features import Features, compute_features
from finetrail.inference.feeding import Examples, feed
from finetrail.models.inputs import NO_CHANGES, Inputs
from finetrail.models.network import TARGETS, Network
from finetrail.training.beside import Joint
from finetrail.training.finite import Watch
from finetrail.training.fitted import Fitted
from finetrail.training.learner import Learner
from finetrail.training.plan import Plan
from finetrail.training.settings import Training
from finetrail.training.steps import Objective, Records, Stepper


def fit(
    model: Network,
    examples: Mapping[str, Examples],
    settings: Training,
    *,
    objective: Objective,
    machine: Machine,
    records: Records,
    seed: int,
    method: Method = Full(method="full"),  # noqa: B008  (frozen)
) -> Fitted:
    """Train `model` in place; afterwards it holds the weights with the best evaluation on the validation split.

    The result depends only on the arguments. If it is killed at any moment and called again with the newest checkpoint
    as `records.resume`, weights and curves equal those of a run that was never killed, bit for bit.

    Args:
        examples: of the splits `train` and `val`.
        seed: of the order of the examples, of their augmentations and of dropouts.
        method: already applied to the model; it may freeze and unfreeze what is trainable when `fit` is called.

    Raises:
        NonFiniteError: a loss, gradient or score is NaN or infinite; the best weights so far stay on disk.
        TrainingError: memory is too small for a single example.
    """
    train, val, device = examples["train"], examples["val"], machine.accelerator.device
    plan = Plan(train.inputs.lengths, settings, seed)
    if records.resume is None:
        method.before_training(model, partial(_features, model, train.inputs, settings.batch_size * 2))
    learner = Learner(model, settings, machine, steps=plan.steps, seed=seed, loss=objective.loss)
    learner.divides = method.divides and not isinstance(model, Joint)  # what is compared must not depend on how many
    learner.callback = method.callback(learner.model, plan.steps)
    watch = Watch(plan, train.id_of, settings, records.checkpoints)
    training = Stepper(learner, plan, val.inputs, settings, objective, machine.precision, records, watch)
    if records.resume is not None:
        learner.restore(records.resume.tensors, records.resume.state["learner"])
        training.fitted = Fitted.from_json(records.resume.state["fitted"])
        method.start_epoch(learner.model, plan.epoch_of(training.fitted.step))
        training.after_step()
    while not training.over:
        epoch = plan.epoch_of(training.fitted.step + 1)
        method.start_epoch(learner.model, epoch)
        learner.model.train()
        learner.prepare()
        steps = plan.epoch(epoch)[training.fitted.step - (epoch - 1) * plan.steps_an_epoch :]
        asked = [one for step in steps for one in zip(step.batches, step.seeds, strict=True)]
        fed = feed(train.inputs, asked, device, workers=settings.workers)
        for step in records.track(steps, total=len(steps), what=f"epoch {epoch} of {plan.epoch_of(plan.steps)}"):
            training.take(list(islice(fed, len(step.batches))))
            training.after_step()
            if training.over:
                break
    return_freed_memory()
    training.load_best(model)
    model.eval()
    return training.fitted


def _features(model: Network, inputs: Inputs, batch_size: int) -> tuple[Tensor, Tensor]:
    """The features (N, D) of all examples, one vector each, and their targets (N, ...)."""
    found = compute_features(model, inputs, batch_size)
    if not isinstance(found, Features) or inputs.targets is None:
        raise AssertionError("a method asks for more than one vector and one target a row: a bug in finetrail")
    return found.values, inputs.targets.batch(range(len(inputs)), NO_CHANGES)[TARGETS]
