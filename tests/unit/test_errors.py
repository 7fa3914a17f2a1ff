"""The exception tree is the one that its docstring draws."""

import inspect
import re

import pytest

from finetrail import errors
from finetrail.errors import FinetrailError

CLASSES = {name: cls for name, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__}
FAMILIES = (
    "FinetrailError ConfigError DataError ModelError TrainingError TrackingError WorkspaceError UnreachableError "
    "RefusedError LedgerError LineageError"
).split()
EXITS = {name: code for code, name in enumerate(FAMILIES, start=1)}


def drawn() -> dict[str, tuple[str | None, int | None]]:
    """What the docstring says of each class: its parent and its exit code."""
    above: list[str] = []
    found: dict[str, tuple[str | None, int | None]] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"(?P<lines>[│├└─ ]*)(?P<name>\w+Error)\b.*?(\(exit (?P<code>\d+)\))?$", line)
        if match:
            depth = len(match["lines"]) // 4
            above = [*above[:depth], match["name"]]
            found[match["name"]] = (above[-2] if depth else None, int(match["code"]) if match["code"] else None)
    return found


def test_the_drawing_shows_every_class_and_no_other() -> None:
    assert set(drawn()) == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_parent_and_exit_code_are_as_drawn(name: str) -> None:
    parent, code = drawn()[name]
    bases = [base.__name__ for base in CLASSES[name].__bases__]
    assert bases == [parent or "Exception"]
    if code is not None:
        assert CLASSES[name].exit_code == code


def test_each_family_has_an_exit_code_of_its_own() -> None:
    families = {"FinetrailError": FinetrailError} | {cls.__name__: cls for cls in FinetrailError.__subclasses__()}
    assert {name: cls.exit_code for name, cls in families.items()} == EXITS
    assert len(set(EXITS.values())) == len(EXITS)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_returns_the_code_of_its_family(name: str) -> None:
    lineage = [cls.__name__ for cls in CLASSES[name].__mro__]
    family = lineage[-5] if len(lineage) > 4 else lineage[0]  # below FinetrailError, Exception, BaseException, object
    assert CLASSES[name].exit_code == EXITS[family] != 0
    assert CLASSES[name].__doc__
