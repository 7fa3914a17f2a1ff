"""Predicted spans are paired with those of the label: as many as possible, equal ones always."""

from hypothesis import given

from finetrail.targets.tags.pairing import of_one_type, overlapping
from finetrail.targets.tags.spans import Span
from tests.unit.targets.tags.labels import Row, rows


def touch(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def most(gold: list[Span], predicted: list[Span]) -> int:
    """The size of the largest pairing, by trying everything."""
    if not predicted:
        return 0
    first, *others = predicted
    chosen = [1 + most([one for one in gold if one != span], others) for span in gold if touch(span, first)]
    return max([most(gold, others), *chosen])


@given(rows())
def test_no_pairing_is_larger(row: Row) -> None:
    _, gold, predicted = row
    pairs = overlapping(gold, predicted)
    assert len(pairs) == most(gold, predicted)
    assert all(touch(*pair) for pair in pairs)
    assert {span[:2] for span in gold} & {span[:2] for span in predicted} == {
        one[:2] for one, other in pairs if one[:2] == other[:2]
    }
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)


@given(rows())
def test_types_are_paired_each_by_itself(row: Row) -> None:
    _, gold, predicted = row
    pairs = of_one_type(gold, predicted)
    assert all(one.type == other.type for one, other in pairs)
    assert set(gold) & set(predicted) == {one for one, other in pairs if one == other}
    kinds = {span.type for span in gold}
    assert len(pairs) == sum(
        most([one for one in gold if one.type == kind], [one for one in predicted if one.type == kind])
        for kind in kinds
    )
