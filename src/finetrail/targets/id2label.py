"""Names for classes that the source has as numbers or codes: the model, its report and its answers use the names."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from finetrail.errors import SourceError
from finetrail.settings import Settings


class Id2Label(Settings):
    """A part of `source.columns` of params.yaml.

    Attributes:
        id2label: the name of each class by what the source has, such as `{1: World, 2: Sports}`, as in the
            configuration of Hugging Face's models; empty: what the source has is the name.
    """

    id2label: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("id2label", mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        """YAML has read 1 as a number, and the name of a class is a string."""
        if not isinstance(value, Mapping):
            return value
        whole = {key: str(key) for key in value if isinstance(key, int) and not isinstance(key, bool)}
        return {whole.get(key, key): name for key, name in value.items()}

    @field_validator("id2label")
    @classmethod
    def _one_name_each(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        names = list(value.values())
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two classes are called {twice!r}; give each a name of its own")
        return value

    def name_of(self, where: str, found: str) -> str:
        """The name of a class. A name that stands there already, as in data/corrections.csv, is kept.

        Raises:
            SourceError: it is in neither column of `id2label`.
        """
        if not self.id2label or found in self.id2label.values():
            return found
        if found not in self.id2label:
            known = ", ".join(self.id2label)
            raise SourceError(
                f"{where}: class {found[:60]!r} is not in source.columns.id2label, which has {known}; add it"
            )
        return self.id2label[found]
