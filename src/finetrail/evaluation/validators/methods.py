"""All validators, as one union on `method`. A new one needs one file and one word here."""

from typing import Annotated

from pydantic import Field

from finetrail.evaluation.validators.bnm import Bnm
from finetrail.evaluation.validators.entropy import Entropy
from finetrail.evaluation.validators.snd import Snd
from finetrail.evaluation.validators.weighted import Weighted

AnyValidator = Annotated[Entropy | Snd | Bnm | Weighted, Field(discriminator="method")]
