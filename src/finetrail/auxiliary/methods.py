"""All auxiliary losses, as one union on `method`. A new one needs one file and one word here."""

from typing import Annotated

from pydantic import Field

from finetrail.auxiliary.cdan import Cdan
from finetrail.auxiliary.consistency import Consistency
from finetrail.auxiliary.coral import Coral
from finetrail.auxiliary.dann import Dann
from finetrail.auxiliary.mmd import Mmd

AnyAuxiliary = Annotated[Mmd | Coral | Dann | Cdan | Consistency, Field(discriminator="method")]
