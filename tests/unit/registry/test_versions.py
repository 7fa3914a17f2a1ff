"""Versions of a registered model, found again: by number, by alias, by address."""

import pytest

from finetrail.errors import ConfigError, RefusedError
from finetrail.registry import promotion
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import aliases, find, parse_address, versions


def test_a_version_is_found_by_number_and_alias(ledger: Ledger) -> None:
    promotion.promote(ledger, 2, None)
    assert find(ledger.tracker, ledger.name, "champion").version == find(ledger.tracker, ledger.name, "2").version == 2
    assert [one.version for one in versions(ledger.tracker, ledger.name)] == [4, 3, 2, 1]
    with pytest.raises(RefusedError, match=r"has no version 'challenger'; it has 1, 2, 3, 4, champion"):
        find(ledger.tracker, ledger.name, "challenger")
    with pytest.raises(RefusedError, match=r"no version of 'nothing' is registered; run `dvc repro`"):
        find(ledger.tracker, "nothing", "1")
    assert aliases(ledger.tracker, "nothing") == {}
    assert promotion.reconcile(Ledger(ledger.tracker, "nothing", "Toy")).texts == ()


@pytest.mark.parametrize(
    ("address", "name", "version"),
    [
        ("models:/toy@champion", "toy", "champion"),
        ("models:/toy/12", "toy", "12"),
        ("models:/own numbers-2.a/3", "own numbers-2.a", "3"),
    ],
)
def test_an_address_says_name_and_version_or_alias(address: str, name: str, version: str) -> None:
    assert parse_address(address, "write another") == (name, version)


@pytest.mark.parametrize(
    "address",
    [
        *("models:/toy", "models:/toy/", "models:/toy@", "models:/toy/best", "models:/toy/1/2", "models:/@champion"),
        *("models:/a@b/1", "models:/toy@a@b", " models:/toy/1", "models:/toy/1 ", "toy@champion", "runs:/toy/1"),
    ],
)
def test_what_is_no_address_is_refused_with_what_to_do(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_address(address, "write models:/NAME@ALIAS")
    assert str(caught.value) == f"{address!r} is not a model address; write models:/NAME@ALIAS"
