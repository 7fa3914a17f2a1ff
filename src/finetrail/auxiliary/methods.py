"""All auxiliary losses, as one union on `method`. A new one needs one file and one word here."""

from finetrail.auxiliary.coral import Coral

AnyAuxiliary = Coral
