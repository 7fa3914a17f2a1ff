"""Section `split` for texts: what it takes, and which rows it finds near."""

import pytest
from pydantic import ValidationError

from finetrail.contents.text.split import TextSplit


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"val": 0.5, "test": 0.5}, "leaves nothing for train"),
        ({"val": 0.0}, "greater than 0"),
        ({"near_duplicates": 1.1}, "less than or equal to 1"),
        ({"shingle_words": 0}, "greater than or equal to 1"),
        ({"method": "random"}, "'official', 'stratified', 'group' or 'hash'"),
        ({"vall": 0.1}, "vall"),
        ({"symmetric": "yes"}, "valid boolean"),
    ],
)
def test_settings_refuse(wrong: dict[str, object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        TextSplit.model_validate(wrong)
