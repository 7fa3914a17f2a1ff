"""What all that is written has in common, whether a row holds a text or the turns of a conversation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from finetrail.contents.content import Backbone, Content
from finetrail.contents.text.perturbations import PERTURBATIONS, perturb
from finetrail.contents.text.settings import (
    CHAT,
    WRITTEN,
    ChatBackbone,
    InPlaceTraining,
    TextBackbone,
    TextTraining,
    WrittenBackbone,
)
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.contents.content import Networks
    from finetrail.models.inputs import Values


class TextualContent(Content):
    """See `finetrail.contents.content.Content`."""

    size = "characters"
    offers = frozenset({"soft prompts"})
    requirements: tuple[str, ...] = ()
    measures_kernels = False
    perturbations = PERTURBATIONS
    Training = TextTraining

    def backbone(self, features: str) -> type[Backbone]:
        own: dict[str, type[Backbone]] = {WRITTEN: WrittenBackbone, CHAT: ChatBackbone}
        return own.get(features, TextBackbone)

    def training(self, in_place: bool, objects: bool) -> type[Settings]:
        return InPlaceTraining if in_place else TextTraining

    def networks(self) -> "Networks":
        from finetrail.contents.text import backbone

        return cast("Networks", backbone)

    def typical(self, contents: "Values", rows: Sequence[bool]) -> list[str]:
        from finetrail.contents.text.typical import typical_words

        return typical_words(contents, rows)

    def perturb(self, name: str, content: Any, severity: int, seed: int) -> Any:
        return perturb(name, content, severity, seed)
