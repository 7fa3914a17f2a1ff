"""Which characters are taken for which: small tables of our own, and by no means all there are."""

from collections.abc import Mapping

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _neighbours() -> dict[str, str]:
    """The letters left, right, above and below of each on a QWERTY keyboard, whose rows are shifted by half a key."""
    at = {letter: (row, place + row / 2) for row, letters in enumerate(_ROWS) for place, letter in enumerate(letters)}
    return {
        one: "".join(
            other
            for other, (below, right) in at.items()
            if other != one and abs(below - row) <= 1 and abs(right - place) <= 1
        )
        for one, (row, place) in at.items()
    }


def _both_ways(pairs: str) -> dict[str, str]:
    """Each character of a pair stands for the other; one may be in several pairs."""
    found: dict[str, str] = {}
    for pair in pairs.split():
        one, other = pair[0], pair[1]
        found[one] = found.get(one, "") + other
        found[other] = found.get(other, "") + one
    return found


NEIGHBOURS: Mapping[str, str] = _neighbours()

# Latin letters and their doubles in Cyrillic and Greek.
HOMOGLYPHS: Mapping[str, str] = {
    **dict(zip("acehijopsxyABCEHIJKMNOPSTXYZ", "асеһіјорѕхуАВСЕНІЈКМΝОРЅТХΥΖ", strict=True)),  # noqa: RUF001 - the point
}

# Letters and digits alone: a letter that became a mark would end its word.
OCR: Mapping[str, str] = _both_ways("0O 0o 1l 1I lI 2Z 5S 8B 6b 9g ce un hb vy rt fi mn QO DO uv")

# Simplified and traditional forms, strokes that scanners and readers miss, and kana of one shape.
SIMILAR: Mapping[str, str] = _both_ways(
    "国國 学學 会會 来來 对對 时時 说說 们們 个個 这這 为為 发發 长長 东東 车車 马馬 见見 门門 问問 书書 "
    "己已 已巳 未末 土士 日曰 天夫 大太 人入 干千 王玉 白自 目且 田由 由甲 甲申 木本 问间 候侯 今令 "
    "カ力 ロ口 ニ二 エ工 タ夕 ソン シツ クケ はほ ぬめ るろ われ ねれ さき ト卜"
)
