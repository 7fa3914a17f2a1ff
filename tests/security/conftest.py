"""The registry and the pipeline of `tests/pipeline`, to be attacked."""

from tests.pipeline.conftest import clone, finished, gated, registered, toy_csv

__all__ = ["clone", "finished", "gated", "registered", "toy_csv"]
