"""The training loop: any classifier, any inputs, any loss. It knows no task and no method of adaptation."""

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

from finetrail.inference.allocator import return_freed_memory
from finetrail.inference.device import Precision
from finetrail.inference.feeding import Examples, feed
from finetrail.models.network import Classifier
from finetrail.progress import Track, quiet
from finetrail.targets.losses import Loss
from finetrail.training.checkpoints import Checkpoint, Checkpoints
from finetrail.training.finite import Watch
from finetrail.training.fitted import Fitted
from finetrail.training.learner import Learner
from finetrail.training.plan import Plan
from finetrail.training.settings import Training
from finetrail.training.steps import Course, Observer, Score

if TYPE_CHECKING:
    from accelerate import Accelerator


def fit(
    model: Classifier,
    train: Examples,
    val: Examples,
    settings: Training,
    *,
    loss: Loss,
    score: Score,
    accelerator: "Accelerator",
    precision: Precision,
    seed: int,
    checkpoints: Checkpoints,
    observe: Observer,
    start_epoch: Callable[[Classifier, int], None] = lambda model, epoch: None,
    resume: Checkpoint | None = None,
    track: Track = quiet,
) -> Fitted:
    """Train `model` in place; afterwards it holds the weights of the best evaluation on the validation split.

    What it does depends on its arguments and on nothing else: where it was killed at any moment and is called again
    with the newest checkpoint as `resume`, weights and curves are those of a run that was never killed, bit for bit.

    Args:
        loss: see `finetrail.targets.losses`.
        score: maps validation logits (N, K) and targets (N,) to values by name, `settings.metric` among them.
        precision: of the forward passes.
        seed: of the order of the examples, of their augmentations and of dropouts.
        checkpoints: where checkpoints and best weights are written.
        start_epoch: called with the model and each epoch's number, from 1, before it starts; it may freeze and unfreeze
            what is trainable when `fit` is called.
        resume: a checkpoint of the same training.

    Raises:
        NonFiniteError: a loss, gradient or score is NaN or infinite; the best weights before stay.
        TrainingError: memory is too small for a single example.
    """
    plan = Plan(train.inputs.lengths, settings, seed)
    learner = Learner(
        model, settings, steps=plan.steps, seed=seed, loss=loss, accelerator=accelerator, precision=precision
    )
    watch = Watch(plan, train.ids, settings, checkpoints)
    training = Course(learner, plan, val, settings, score, precision, checkpoints, observe, watch, track)
    if resume is not None:
        learner.restore(resume.tensors, resume.state["learner"])
        training.fitted = Fitted.from_json(resume.state["fitted"])
        start_epoch(learner.model, plan.epoch_of(training.fitted.step))
        training.after_step()
    device = accelerator.device
    while not training.over:
        epoch = plan.epoch_of(training.fitted.step + 1)
        start_epoch(learner.model, epoch)
        learner.model.train()
        learner.prepare()
        steps = plan.epoch(epoch)[training.fitted.step - (epoch - 1) * plan.steps_an_epoch :]
        asked = [one for step in steps for one in zip(step.batches, step.seeds, strict=True)]
        fed = feed(train.inputs, asked, device, targets=train.targets, workers=settings.workers)
        for step in track(steps, total=len(steps), what=f"epoch {epoch} of {plan.epoch_of(plan.steps)}"):
            training.take(list(islice(fed, len(step.batches))))
            training.after_step()
            if training.over:
                break
    return_freed_memory()
    training.load_best(model)
    model.eval()
    return training.fitted
