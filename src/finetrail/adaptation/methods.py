"""All methods of adaptation, as one union on `method`. A new method needs one file and one word here."""

from typing import Annotated

from pydantic import Field

from finetrail.adaptation.adalora import Adalora
from finetrail.adaptation.adapter import Adapter
from finetrail.adaptation.adaptive_freeze import AdaptiveFreeze
from finetrail.adaptation.bitfit import Bitfit
from finetrail.adaptation.extra_layers import ExtraLayers
from finetrail.adaptation.few_shot import FewShot
from finetrail.adaptation.full import Full
from finetrail.adaptation.gradual_unfreeze import GradualUnfreeze
from finetrail.adaptation.ia3 import Ia3
from finetrail.adaptation.last_layers import LastLayers
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.adaptation.prefix_tuning import PrefixTuning
from finetrail.adaptation.prompt_tuning import PromptTuning
from finetrail.adaptation.prototypes import Prototypes
from finetrail.adaptation.vera import Vera

Adaptation = Annotated[
    LinearProbe
    | LastLayers
    | GradualUnfreeze
    | AdaptiveFreeze
    | Lora
    | Adalora
    | Vera
    | Adapter
    | ExtraLayers
    | Ia3
    | Bitfit
    | PromptTuning
    | PrefixTuning
    | FewShot
    | Prototypes
    | Full,
    Field(discriminator="method"),
]
