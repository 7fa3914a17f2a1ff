"""The types of the columns of a model's answers, written as `Codec.kinds` has them, in MLflow and in Arrow.

`string`, `long`, `double` and `boolean` are MLflow's names. `list[string]` is a list of them, and
`{label: string, start: long}` a struct, which may stand in a list too.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def is_nested(kind: str) -> bool:
    """Whether a value is a list or a struct."""
    return kind.startswith(("list[", "{"))


def mlflow_type(kind: str) -> Any:
    """The type of a column in a model's signature."""
    from mlflow.types.schema import Array, DataType, Object, Property

    if kind.startswith("list["):
        return Array(mlflow_type(_inside(kind)))
    if kind.startswith("{"):
        return Object([Property(name, mlflow_type(of)) for name, of in _fields(kind)])
    return DataType[kind]


def arrow_type(kind: str) -> "pa.DataType":
    """The type of a column in Parquet."""
    import pyarrow as pa

    if kind.startswith("list["):
        return pa.list_(arrow_type(_inside(kind)))
    if kind.startswith("{"):
        return pa.struct([(name, arrow_type(of)) for name, of in _fields(kind)])
    return {"string": pa.string(), "long": pa.int64(), "double": pa.float64(), "boolean": pa.bool_()}[kind]


def _inside(kind: str) -> str:
    return kind.removeprefix("list[").removesuffix("]")


def _fields(kind: str) -> list[tuple[str, str]]:
    """Name and type of each field of a struct, none of which is a struct itself."""
    parts = (one.partition(": ") for one in kind.removeprefix("{").removesuffix("}").split(", "))
    return [(name, of) for name, _, of in parts]
