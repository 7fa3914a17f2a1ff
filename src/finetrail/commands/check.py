"""`finetrail check`: what is allowed in params.yaml, and yet may surprise."""

from collections.abc import Iterator
from typing import Any

from finetrail.locations import hub_revision
from finetrail.sections import Params


def notes(params: Params) -> Iterator[str]:
    """A line for each address of the hub that its owner may change."""
    for address in dict.fromkeys(_addresses(params.model_dump())):
        if hub_revision(address) is None:
            yield (
                f"note: {address} is not pinned: its owner may change it; write {address.partition('@')[0]}@COMMIT, "
                "with the 40 digits of a commit"
            )


def _addresses(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("hf://"):
            yield value
        return
    if isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _addresses(one)
