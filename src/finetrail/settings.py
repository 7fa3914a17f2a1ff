"""The base of every section of params.yaml: frozen, strict, and closed to unknown keys."""

import difflib
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model, model_validator
from pydantic_core import PydanticCustomError


class Settings(BaseModel):
    """A section of params.yaml. Each section stands beside the code that uses it; `config.py` joins them.

    Strict: `"3"` is no integer and `1` is no boolean. Unknown keys are refused, so a typing error cannot pass unseen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        unknown = [key for key in data if key not in cls.model_fields] if isinstance(data, dict) else []
        if unknown:
            close = difflib.get_close_matches(str(unknown[0]), cls.model_fields, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            message = f"unknown key {unknown[0]!r}; {hint}allowed keys: {', '.join(cls.model_fields)}"
            raise PydanticCustomError("unknown_key", "{message}", {"message": message})
        return data


def joined(name: str, *parts: type[Settings]) -> type[Any]:
    """Join the parts of a section; drop a part that another part extends."""
    bases = [one for one in dict.fromkeys(parts) if not any(issubclass(other, one) for other in parts if other != one)]
    return create_model(name, __base__=tuple(bases)) if len(bases) > 1 else bases[0]
