"""What a warm server imports after its stages."""

from finetrail.warm.imports import Imports


def test_a_library_that_starts_threads_is_left_to_the_forks() -> None:
    """A server that had imported it could fork no more: an export to ONNX would end it."""
    imports = Imports()
    imports.add(["onnxruntime", "onnxruntime.capi"])
    assert not imports
    imports.add(["finetrail.no_such_module"])
    assert imports
    imports.one()
    assert not imports
