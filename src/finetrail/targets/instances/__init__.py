"""A label that is masks of the objects in an image, each with its class; read as masks are, learnt as boxes are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetrail.errors import TrainingError
from finetrail.targets.instances.metrics import METRICS
from finetrail.targets.instances.settings import InstanceTraining
from finetrail.targets.masks.label import names_in
from finetrail.targets.masks.regions import Regions

if TYPE_CHECKING:
    from finetrail.targets.instances.codec import InstanceCodec
    from finetrail.targets.instances.learning import InstanceLearning


class _Instances(Regions):
    """See `finetrail.targets.target.Target`."""

    name = "instances"
    problem_type = "instance_segmentation"
    noun = "instance segmentation"
    metrics = METRICS
    resamples = 1000
    Training = InstanceTraining

    def learn(self, labels: Sequence[Any], settings: Any) -> "InstanceLearning":
        from finetrail.targets.instances.codec import InstanceCodec
        from finetrail.targets.instances.learning import InstanceLearning

        classes = tuple(sorted({name for label in labels for name in names_in(label)}))
        if not classes:
            raise TrainingError(
                f"none of the {len(labels)} training images has an object: there is nothing to learn; add some"
            )
        return InstanceLearning(InstanceCodec(classes, pyramid_width=settings.pyramid_width, tower=settings.tower))

    def codec(self, described: Mapping[str, Any]) -> "InstanceCodec":
        from finetrail.targets.instances.codec import InstanceCodec

        return InstanceCodec(**{**described, "classes": tuple(described["classes"])})

    def learned(self, described: Mapping[str, Any]) -> "InstanceLearning":
        from finetrail.targets.instances.learning import InstanceLearning

        return InstanceLearning(self.codec(described))


INSTANCES = _Instances()
