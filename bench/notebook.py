"""Executes docs/notebook.ipynb and keeps what its cells show: `python -m bench.notebook`.

With a folder of weights after it, the notebook is tried with that backbone, and stays as it is.
"""

import ast
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


def shown(value: Any, number: int) -> list[dict[str, Any]]:
    """The output of a cell, as notebooks store it."""
    if value is None:
        return []
    data = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "to_html"):
        data["text/html"] = value.to_html().splitlines(keepends=True)
    return [{"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": data}]


def execute(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; returns the value of its last line, if that is an expression."""
    *lines, last = ast.parse(source).body
    ends = isinstance(last, ast.Expr)
    before = ast.Module(lines if ends else [*lines, last], [])
    exec(compile(before, "cell", "exec"), names)  # noqa: S102 - our own notebook
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None  # noqa: S307


def main(backbone: str | None = None) -> None:
    """Run all cells in order, in one namespace and an empty folder."""
    notebook, names = json.loads(NOTEBOOK.read_text(encoding="utf-8")), {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        for number, cell in enumerate(cells, start=1):
            found = execute("".join(cell["source"]), names)
            if backbone is not None and "backbone" in names:
                names["backbone"] = backbone
            cell |= {"execution_count": number, "outputs": shown(found, number)}
        os.chdir(NOTEBOOK.parent)
    if backbone is not None:
        print(found)
    else:
        NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
