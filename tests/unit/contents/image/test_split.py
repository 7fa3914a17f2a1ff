"""Section `split` for images: what it takes, and what it refuses."""

import pytest
from pydantic import ValidationError

from finetrail.contents.image.split import ImageSplit


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"near_duplicates": 97}, "less than or equal to 96"),
        ({"near_duplicates": 0.8}, "valid integer"),
        ({"near_duplicates": -1}, "greater than or equal to 0"),
        ({"shingle_words": 3}, "unknown key 'shingle_words'"),
        ({"val": 0.5, "test": 0.5}, "leaves nothing for train"),
    ],
)
def test_settings_refuse(wrong: dict[str, object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        ImageSplit.model_validate(wrong)


def test_near_images_may_be_told_apart_by_their_files_alone() -> None:
    assert ImageSplit(near_duplicates=None).near_duplicates is None
    assert ImageSplit(near_duplicates=None).measure == {"method": "same file", "threshold": None}
