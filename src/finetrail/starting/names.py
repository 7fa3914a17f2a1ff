"""What the names of columns tell: the usual ones of labels and texts, of ids, groups and official splits."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from itertools import chain, count

from finetrail.settings import Settings

LABELS = (
    *("label", "labels", "target", "class", "y", "category", "categories", "intent", "sentiment", "topic", "tags"),
    *("genre", "genres", "emotion", "stars", "rating", "score", "overall", "grade", "price", "spam", "toxic"),
    *("stance", "polarity"),
)
"""Names of a label, the most usual first."""
DECISIVE = ("label", "labels", "target", "class", "y")
"""Those that leave no doubt."""
TEXTS = ("text", "review", "sentence", "content", "comment", "body", "message", "tweet", "document", "description")
PAIRS = (
    *(("premise", "hypothesis"), ("sentence1", "sentence2"), ("question1", "question2"), ("text1", "text2")),
    *(("text_a", "text_b"), ("sentence_a", "sentence_b"), ("query", "passage"), ("query", "document")),
    *(("question", "sentence"), ("question", "passage"), ("anchor", "candidate"), ("left", "right")),
)
"""Names of two texts that are read together."""
_GROUPS = {
    "author",
    "user",
    "username",
    "patient",
    "customer",
    "speaker",
    "reviewer",
    "client",
    "writer",
    "participant",
}
_WITH_ID = {
    "group",
    "subject",
    "session",
    "camera",
    "person",
    "document",
    "conversation",
    "thread",
    "source",
    "product",
}
"""Of columns that are groups if they hold ids."""
_IDS = {"id", "ids", "uuid", "guid", "index", "idx", "key", "nr", "no", "number", "row", "unnamed", "pk", "hash"}
_SPLITS = {"split", "set", "subset", "fold", "partition", "usage"}
_TIMES = {"date", "time", "timestamp", "datetime", "created", "updated", "year"}
_LONGEST = 32  # characters of the name of a target


def words_in(name: str) -> list[str]:
    """The words of a name in lower case: reviewerName, reviewer_name and `reviewer name` have two."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+", name)]


def is_usual(name: str) -> bool:
    """Whether a name is one that labels, texts, ids or splits usually have."""
    plain = name.strip().lower()
    return plain in {*LABELS, *TEXTS, *_IDS, *_SPLITS, *(one for pair in PAIRS for one in pair)}


def rank(name: str) -> int:
    """How usual a name is for a label, from 0; `len(LABELS)` if it is not."""
    whole = name.strip().lower()
    if whole in LABELS:
        return LABELS.index(whole)
    return min((LABELS.index(word) for word in words_in(name)[-1:] if word in LABELS), default=len(LABELS))


def is_id(name: str) -> bool:
    """Whether it is the name of something that tells rows apart; a column without a name numbers rows."""
    return _has(name, _IDS) or not name.strip()


def is_group(name: str) -> bool:
    """Whether rows with one value belong together: an author, a patient."""
    return _has(name, _GROUPS) or (_has(name, _WITH_ID) and _has(name, _IDS))


def is_split(name: str) -> bool:
    """Whether it is a usual name for official splits."""
    return _has(name, _SPLITS)


def is_time(name: str) -> bool:
    """Whether it is a usual name for a time."""
    return _has(name, _TIMES)


def names_of(columns: Sequence[str]) -> dict[str, str]:
    """A name for each column that params.yaml may have as the name of a target: ASCII letters, digits and `_`."""
    found: dict[str, str] = {}
    for column in columns:
        plain = unicodedata.normalize("NFKD", column).encode("ascii", "ignore").decode()
        name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
        if not name[:1].isalpha():
            name = f"label_{name}".strip("_")
        if hasattr(Settings, name):  # `copy` or `json`: targets become attributes of a section
            name = f"{name}_label"
        short, taken = name[:_LONGEST], {one.lower() for one in found.values()}
        numbered = (f"{short[: _LONGEST - 4]}_{number}" for number in count(2))
        found[column] = next(one for one in chain([short], numbered) if one.lower() not in taken)
    return found


def _has(name: str, known: Collection[str]) -> bool:
    return any(word in known for word in words_in(name))
