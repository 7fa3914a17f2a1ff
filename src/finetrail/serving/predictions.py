"""predictions.parquet: a model's answers to the rows of a split, beside their ids, labels and groups."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.store.shards import to_frame

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.codec import Codec


def write_predictions(file: Path, rows: "pd.DataFrame", codec: "Codec", answers: Any) -> None:
    """Write the answers as their codec does. Args: rows: id, label and group of each."""
    import pandas as pd

    groups = {"group": rows["group"]} if rows["group"].notna().any() else {}
    frame = pd.DataFrame({"id": rows["id"], "label": rows["label"], **groups, **codec.columns(answers)})
    frame.to_parquet(file, index=False, compression="zstd")


def read_predictions(file: Path) -> "pd.DataFrame":
    """The rows, whose answers `Codec.read` reads."""
    import pyarrow.parquet as pq

    return to_frame(pq.read_table(file))
