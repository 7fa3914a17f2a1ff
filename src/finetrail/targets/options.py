"""What a caller of a served model may ask for, beside the rows: MLflow's `params`."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ValidationError as Invalid

from finetrail.errors import DataError
from finetrail.settings import Settings

TYPES = {bool: "boolean", int: "long", float: "double"}
"""MLflow's names of the types that an option may have."""


class Options(Settings):
    """The options of one request; each kind of target that has some extends this.

    Attributes:
        columns: those that an option adds to the answers, and their types; see `finetrail.serving.answer_types`.
    """

    columns: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def of(cls, params: Mapping[str, Any] | None) -> Self:
        """Check what a caller sends; None stands for an option that is left out.

        Raises:
            DataError: a value is of another type, or out of its bounds.
        """
        try:
            return cls(**{name: value for name, value in (params or {}).items() if value is not None})
        except Invalid as error:
            first = error.errors()[0]
            said = first["msg"].replace("Input should be", "must be")
            name = ".".join(map(str, first["loc"]))
            raise DataError(f"{name} is {first['input']!r}: {said}" if name else said) from error

    @classmethod
    def declared(cls) -> dict[str, tuple[str, Any]]:
        """MLflow's type and the default of each option, by its name."""
        found = {}
        for name, field in cls.model_fields.items():
            kind = next(known for known in TYPES if known in (field.annotation, *_arguments(field.annotation)))
            found[name] = TYPES[kind], field.default
        return found

    def asked(self, inputs: Any) -> Any:
        """The encoded rows of a request, answered as the options say.

        Raises:
            DataError: this model cannot do so.
        """
        return inputs

    @property
    def added(self) -> Mapping[str, str]:
        """Those of `columns` that this request asks for."""
        return self.columns

    def more(self, codec: Any, answers: Any, inputs: Any) -> dict[str, Any]:
        """The values of the columns `added`."""
        return {}


def _arguments(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", ())
