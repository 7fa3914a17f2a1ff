"""Give val and test their shares of the rows, by stratum or overall."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from finetrail.data.splitting.rows import Rows


def divided(
    rows: Rows, units: Iterable[list[int]], shares: dict[str, float], seed: int, by_label: bool
) -> Iterator[tuple[int, str]]:
    """Yield each row that goes to a share, and the share's name."""
    if by_label and rows.divide is not None:
        known = list(units)
        names = rows.divide(known, rows.labels, shares, lambda unit: draw(seed, "unit", _key_of(rows, unit)))
        yield from ((row, name) for unit, name in zip(known, names, strict=True) if name for row in unit)
        return
    for stratum in _strata(rows, units, seed, by_label):
        for name, chosen in _fill(stratum, shares).items():
            yield from ((row, name) for row in chosen)


def draw(seed: int, kind: str, key: str) -> float:
    """Return a number in [0, 1) that depends only on the arguments."""
    digest = hashlib.sha256(f"{seed}\n{kind}\n{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48  # 48 bits: exact in a float, and below 1


def _key_of(rows: Rows, unit: Sequence[int]) -> str:
    return min(rows.keys[row] for row in unit)


def _strata(rows: Rows, units: Iterable[list[int]], seed: int, by_label: bool) -> list[list[list[int]]]:
    """Group units by their most frequent label, in an order that looks random but does not depend on that of rows."""
    strata: defaultdict[tuple[str, ...], list[tuple[float, str, list[int]]]] = defaultdict(list)
    for unit in units:
        counts = Counter(rows.labels[row] for row in unit)
        label = min(counts, key=lambda name: (-counts[name], name)) if by_label else ()
        key = _key_of(rows, unit)
        strata[label].append((draw(seed, "unit", key), key, unit))
    return [[unit for _, _, unit in sorted(strata[label])] for label in sorted(strata)]


def _fill(units: list[list[int]], shares: dict[str, float]) -> dict[str, list[int]]:
    """Take units for each share in turn while they fit; the rest is train's.

    Train keeps at least one row. If there are enough units, every share gets at least one, so that a rare label can be
    scored.
    """
    total = sum(map(len, units))
    least = {name: int(len(units) > place) for place, name in enumerate(shares, start=1)}
    spare = total - 1 - sum(least.values())  # rows that may go to a share beyond its least
    rest, taken = list(units), dict[str, list[int]]()
    for name, share in shares.items():
        want = max(least[name], min(int(total * share + 0.5), least[name] + spare))
        spare -= want - least[name]
        chosen: list[int] = []
        kept: list[list[int]] = []
        for unit in rest:
            (chosen.extend if len(chosen) + len(unit) <= want else kept.append)(unit)
        if not chosen and want and len(kept) > 1:
            smallest = min(kept, key=len)  # all units are larger than the share: better too much than none
            if 2 * len(smallest) <= sum(map(len, kept)):
                kept.remove(smallest)
                chosen = list(smallest)
        rest, taken[name] = kept, chosen
    return taken
