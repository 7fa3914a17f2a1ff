"""The registered model, of images and of two texts, as Python code and as a request sees it."""

import base64
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from finetrail.errors import DataError
from finetrail.serving.answer import answer, answers_to
from finetrail.serving.bounds import refuse_large
from finetrail.serving.rows import rows_of
from finetrail.tasks.registry import get_task, load_model
from tests.unit.red_or_blue import BLUE, RED, image

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

PNG, JPEG = image(RED), image(BLUE, "JPEG")
TEXT = base64.b64encode(JPEG).decode()


@pytest.fixture
def loaded(image_model: str, mlflow_database: str, monkeypatch: pytest.MonkeyPatch) -> "PyFuncModel":
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    monkeypatch.delenv("FINETRAIL_READ_PATHS", raising=False)
    import mlflow

    return mlflow.pyfunc.load_model(image_model)


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.environment_variables import _MLFLOW_IS_IN_SERVING_ENVIRONMENT

    # The name is MLflow's own, so that an upgrade which renames it fails here.
    monkeypatch.setenv(_MLFLOW_IS_IN_SERVING_ENVIRONMENT.name, "true")


def request(loaded: "PyFuncModel", values: list[Any], form: str = "dataframe_split") -> Any:
    """What MLflow's scoring server does with a request."""
    from mlflow.pyfunc.scoring_server import invocations

    body = {
        "dataframe_split": {"columns": ["image"], "data": [[value] for value in values]},
        "dataframe_records": [{"image": value} for value in values],
        "inputs": {"image": values},
        "instances": [{"image": value} for value in values],
    }[form]
    found = invocations(json.dumps({form: body}), "application/json", loaded, loaded.metadata.get_input_schema())
    assert found.status == 200
    return json.loads(found.response)["predictions"]


def test_bytes_base64_and_paths_are_answered_alike(loaded: "PyFuncModel", tmp_path: Path) -> None:
    path = tmp_path / "blue.jpg"
    path.write_bytes(JPEG)
    values = [PNG, JPEG, TEXT, f"data:image/jpeg;base64,{TEXT}", str(path), path]
    found = loaded.predict(pd.DataFrame({"image": values}))
    assert list(found.columns) == ["label", "score"]
    assert list(found["label"]) == ["red", *["blue"] * 5]
    assert found["score"][1:].nunique() == 1
    for one, label in zip(values, found["label"], strict=True):
        assert list(loaded.predict(pd.DataFrame({"image": [one]}))["label"]) == [label]


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "inputs", "instances"])
def test_a_request_sends_base64(loaded: "PyFuncModel", form: str) -> None:
    found = request(loaded, [base64.b64encode(PNG).decode(), TEXT], form)
    assert [one["label"] for one in found] == ["red", "blue"]


@pytest.mark.usefixtures("serving")
def test_the_stored_example_is_a_request(loaded: "PyFuncModel") -> None:
    example = loaded.metadata.load_input_example(_folder(loaded))
    assert [one["label"] for one in request(loaded, example["image"].tolist())] == ["red"]


def _folder(loaded: "PyFuncModel") -> str:
    from mlflow.artifacts import download_artifacts

    return str(download_artifacts(f"models:/{loaded.metadata.model_id}"))


@pytest.mark.usefixtures("serving")
def test_a_request_reads_no_file_whatever_it_says(
    loaded: "PyFuncModel", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    (tmp_path / "zed.png").write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    answers = []
    for name in ("zed.png", "zad.png"):
        for value in (name, f"{tmp_path}/{name}", f"file://{tmp_path}/{name}", f"../{tmp_path.name}/{name}"):
            with pytest.raises(MlflowException, match=r"row 2 of 2: .* a request cannot name a path") as caught:
                request(loaded, [TEXT, value])
            assert caught.value.get_http_status_code() == 400
            answers.append(caught.value.serialize_as_json().replace(name[:3], "*"))
    assert answers[:4] == answers[4:]


@pytest.mark.usefixtures("serving")
def test_a_server_may_be_told_to_read_paths_and_python_not_to(
    loaded: "PyFuncModel", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.environment_variables import _MLFLOW_IS_IN_SERVING_ENVIRONMENT
    from mlflow.exceptions import MlflowException

    (tmp_path / "red.png").write_bytes(PNG)
    monkeypatch.setenv("FINETRAIL_READ_PATHS", "1")
    assert request(loaded, [f"{tmp_path}/red.png"])[0]["label"] == "red"
    monkeypatch.delenv(_MLFLOW_IS_IN_SERVING_ENVIRONMENT.name)
    monkeypatch.setenv("FINETRAIL_READ_PATHS", "0")
    with pytest.raises(MlflowException, match="cannot name a path"):
        loaded.predict(pd.DataFrame({"image": [f"{tmp_path}/red.png"]}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([PNG, PNG[:-30], JPEG], r"^row 2 of 3: not a complete image \(.*\); save it again$"),
        ([PNG, b"", b"no image"], r"^row 2 of 3: .* \(and 1 more bad rows\)$"),
        ([None, PNG], r"^row 1 of 2: no value; give an image as bytes, base64 or a path$"),
        ([PNG, "gone.png"], r"^row 2 of 2: 'gone.png' is neither the base64 of an image \(.*\) nor a file$"),
    ],
)
def test_a_bad_image_is_named_by_its_row(loaded: "PyFuncModel", values: list[Any], message: str) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=message):
        loaded.predict(pd.DataFrame({"image": pd.Series(values, dtype=object)}))


def test_the_requirements_name_what_reads_images(loaded: "PyFuncModel") -> None:
    names = {line.partition("==")[0] for line in (Path(_folder(loaded)) / "requirements.txt").read_text().split()}
    assert {"pillow", "timm", "torchvision"} <= names
    assert "peft" not in names


def test_the_answers_behind_predict_are_those_of_the_model_as_its_codec_keeps_them(loaded: "PyFuncModel") -> None:
    built = load_model(next(Path(_folder(loaded)).glob("artifacts/*/model.json")).parent)
    found = loaded.unwrap_python_model().answers(pd.DataFrame({"image": [PNG, TEXT]}))
    assert list(found.columns) == ["logits"]
    assert built.codec.read(found) == pytest.approx(answers_to(built, [PNG, JPEG]), abs=1e-5)


def test_a_model_of_two_columns_takes_them_by_name_whatever_their_order_is(paired_model: Path) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.pyfunc import PythonModelContext

    from finetrail.serving.served import Served

    context = PythonModelContext({"model": str(paired_model)}, {})
    served = Served()
    served.load_context(context)
    rows = [{"question": "good door", "answer": "bad"}, {"question": "bad", "answer": "good door"}]
    expected = answer(load_model(paired_model), rows)
    assert expected["score"].nunique() == 2
    frame = pd.DataFrame(rows).assign(more=1)[["more", "answer", "question"]]
    pd.testing.assert_frame_equal(served.predict(context, frame), expected)
    with pytest.raises(MlflowException, match="row 1 of 1 has no answer; send a text"):
        served.predict(context, pd.DataFrame({"question": ["good"], "answer": [None]}))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "has no answer"),
        (pd.NA, "has no answer"),
        ("", "has an empty answer"),
        ("\u200b ", "has an empty answer"),
        (["a"], ": answer .* is of type list, not text"),
        (b"a", ": answer .* is of type bytes, not text"),
    ],
    ids=ascii,
)
def test_a_text_that_is_none_is_status_400_with_its_row_and_the_reason(
    paired_model: Path, value: object, reason: str
) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.pyfunc import PythonModelContext

    from finetrail.serving.served import Served

    context = PythonModelContext({"model": str(paired_model)}, {})
    served = Served()
    served.load_context(context)
    rows = pd.DataFrame({"question": ["good", "good"], "answer": pd.Series(["bad", value], dtype=object)})
    with pytest.raises(MlflowException, match=rf"^row 2 of 2 ?{reason}; send a text$") as caught:
        served.predict(context, rows)
    assert caught.value.get_http_status_code() == 400


@pytest.mark.usefixtures("serving")
def test_a_request_is_bounded_in_rows_bytes_and_pixels(loaded: "PyFuncModel", monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException
    from PIL import Image

    stream = io.BytesIO()
    Image.new("1", (6_000, 5_000)).save(stream, "PNG")
    assert len(stream.getvalue()) < 10_000, "few bytes that stand for 90 MB"
    bomb = base64.b64encode(stream.getvalue()).decode()

    def refused(values: list[str]) -> str:
        with pytest.raises(MlflowException) as caught:
            request(loaded, values)
        assert caught.value.get_http_status_code() == 400
        return str(caught.value)

    assert "row 2 of 2: 6000 x 5000 pixels are more than the 25,000,000 that a request may hold" in refused(
        [TEXT, bomb]
    )
    monkeypatch.setenv("FINETRAIL_MAX_ROWS", "2")
    assert "3 rows in one request, where 2 are allowed; send fewer at a time" in refused([TEXT] * 3)
    assert len(request(loaded, [TEXT] * 2)) == 2
    monkeypatch.setenv("FINETRAIL_MAX_BYTES", str(len(TEXT)))
    assert f"where {len(TEXT):,} are allowed; send fewer rows at a time" in refused([TEXT] * 2)


def test_conversations_come_as_turns_or_as_prompts_and_under_any_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    content = get_task("text-generation").content
    columns = content.Columns().contents

    def sent(frame: pd.DataFrame) -> list[Any]:
        return content.receive(rows_of(content, columns, frame), read_paths=False)

    turns = [{"role": "user", "content": "Hello"}]
    mixed = pd.DataFrame({"messages": [turns, None], "prompt": [None, "Hello"]})
    for frame in (mixed, pd.DataFrame({"prompt": ["Hello"] * 2}), pd.DataFrame({"content": [turns, turns]})):
        assert sent(frame) == [turns, turns]
    with pytest.raises(DataError, match="no row has messages or prompt or system; send one of them"):
        sent(pd.DataFrame(index=[0]))
    monkeypatch.setenv("FINETRAIL_MAX_BYTES", "10")
    with pytest.raises(DataError, match="14 bytes in one request, where 10 are allowed"):
        refuse_large(rows_of(content, columns, mixed))
