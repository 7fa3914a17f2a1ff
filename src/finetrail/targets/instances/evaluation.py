"""Everything measured on the masks of objects that a model found: as of boxes, but right or wrong by their pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetrail.targets.boxes.evaluation import BoxEvaluation

if TYPE_CHECKING:
    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.section import Story


@dataclass(frozen=True)
class InstanceEvaluation(BoxEvaluation):
    """See `finetrail.targets.judge.Evaluation`."""

    @property
    def more(self) -> Mapping[str, float]:
        return {f"mask_{name}" if name.startswith("map_") else name: value for name, value in super().more.items()}

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.instances.report import tell

        return tell(self, gallery)
