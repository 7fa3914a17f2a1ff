"""Each shape of data becomes a params.yaml for the right task, which `finetrail check` accepts and `ingest` reads."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from finetrail.errors import ConfigError, SourceError
from finetrail.starting.asking import Asked
from finetrail.starting.recognising import recognise
from finetrail.starting.splitting import warnings
from tests.unit.starting.given import asked, data, image, mask, rows, table, text, written

TURNS = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello to you"}]
ANSWERS = {"text": ["fox"], "answer_start": [4]}


def classes(n: int) -> str:
    return "abc"[n % 3]


TABLES: dict[str, tuple[list[dict[str, Any]], str, str, dict[str, Any]]] = {
    "classes.csv": (rows(text=text, topic=classes), "text-classification", "single_label_classification", {}),
    "stars.csv": (rows(text=text, stars=lambda n: n % 5 + 1), "text-classification", "single_label_classification", {}),
    "prices.tsv": (
        rows(text=text, price=lambda n: f"{n * 1.7:.2f}".replace(".", ",")),
        "text-regression",
        "regression",
        {"label": "price"},
    ),
    "films.csv": (
        rows(plot=text, genres=lambda n: "drama|war" if n % 2 else "comedy"),
        "text-classification",
        "multi_label_classification",
        {"text": "plot", "label": "genres", "delimiter": "|"},
    ),
    "lists.jsonl": (
        rows(text=text, tags=lambda n: ["a", "b"][: n % 3]),
        "text-classification",
        "multi_label_classification",
        {"label": "tags"},
    ),
    "flags.csv": (
        rows(text=text, **{name: (lambda n, k=k: (n >> k) & 1) for k, name in enumerate(("rude", "loud", "odd"))}),
        "text-classification",
        "multi_label_classification",
        {"label": ("rude", "loud", "odd")},
    ),
    "pairs.csv": (
        rows(premise=text, hypothesis=lambda n: text(n + 100), label=classes),
        "text-classification",
        "single_label_classification",
        {"text": ("premise", "hypothesis")},
    ),
    "chat.jsonl": (rows(messages=lambda n: TURNS), "text-generation", "text-generation", {}),
    "alpaca.json": (
        rows(instruction=text, input=lambda n: "", output=lambda n: text(n + 100)),
        "text-generation",
        "text-generation",
        {},
    ),
    "compared.jsonl": (rows(prompt=text, chosen=text, rejected=classes), "text-generation", "preference", {}),
    "asked.jsonl": (
        rows(question=text, context=lambda n: f"The fox {n}", answers=lambda n: ANSWERS),
        "question-answering",
        "question_answering",
        {"text": ("question", "context"), "label": "answers"},
    ),
    "tagged.jsonl": (
        rows(tokens=lambda n: ["Ada", "wrote"], ner_tags=lambda n: ["B-PER", "O"]),
        "token-classification",
        "token_classification",
        {"tokens": "tokens", "tags": "ner_tags"},
    ),
    "spans.jsonl": (
        rows(text=text, entities=lambda n: [{"start": 0, "end": 3, "label": "X"}]),
        "token-classification",
        "token_classification",
        {"label": "entities"},
    ),
    "summaries.jsonl": (
        rows(article=lambda n: text(n, 40), summary=text),
        "summarization",
        "summarization",
        {"text": "article", "label": "summary"},
    ),
    "sentences.jsonl": (
        rows(translation=lambda n: {"en": text(n), "de": text(n + 100)}),
        "translation",
        "translation",
        {"pair": "translation", "languages": ("en", "de")},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_becomes_params(tmp_path: Path, name: str) -> None:
    given, task, problem, columns = TABLES[name]
    params, _ = written(table(tmp_path / name, given))
    assert (params.task.name, params.task.task.target.problem_type) == (task, problem)
    assert {key: getattr(params.source.columns, key) for key in columns} == columns
    assert params.project == name.partition(".")[0]


def coco(folder: Path, **more: Any) -> None:
    for number in range(4):
        image(folder / f"{number}.png", number)
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, 9, 9], "area": 81, **more} for n in range(4)]
    images = [{"id": n, "file_name": f"{n}.png", "width": 32, "height": 32} for n in range(4)]
    parts = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cell"}]}
    (folder / "annotations.json").write_text(json.dumps(parts))


def yolo(folder: Path) -> None:
    for number in range(4):
        image(folder / "images" / f"{number}.png", number)
    (folder / "labels").mkdir()
    for number in range(4):
        (folder / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (folder / "data.yaml").write_text("names: [cell]\n")


def masks(folder: Path) -> None:
    for number in range(4):
        image(folder / "images" / f"{number}.png", number)
        mask(folder / "masks" / f"{number}.png", [0, 1, 2, 255])


def class_folders(folder: Path) -> None:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            for number in range(3):
                image(folder / part / name / f"{number}.png", number)


def text_folders(folder: Path) -> None:
    for number in range(24):
        path = folder / ("neg", "pos")[number % 2] / f"{number}.txt"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text(number))


def listed_images(folder: Path) -> None:
    table(folder / "labels.csv", rows(file=lambda n: f"all/{n % 4}.png", kind=classes))
    for number in range(4):
        image(folder / "all" / f"{number}.png", number)


def measured_images(folder: Path) -> None:
    listed_images(folder)
    table(folder / "labels.csv", rows(file=lambda n: f"all/{n % 4}.png", age=lambda n: 20 + n * 1.5))


def several_classes(folder: Path) -> None:
    listed_images(folder)
    table(folder / "labels.csv", rows(file=lambda n: f"all/{n % 4}.png", tags=lambda n: "red;blue" if n % 2 else "red"))


def contest(folder: Path) -> None:
    table(folder / "train.csv", rows(text=text, label=classes))
    table(folder / "test.csv", rows(text=text))


def split_files(folder: Path) -> None:
    table(folder / "train.csv", rows(text=text, label=classes))
    table(folder / "test.csv", rows(text=lambda n: text(n + 100), label=classes))


FOLDERS: dict[Callable[[Path], None], tuple[str, str, str]] = {
    class_folders: ("image-classification", "single_label_classification", "official"),
    text_folders: ("text-classification", "single_label_classification", "stratified"),
    listed_images: ("image-classification", "single_label_classification", "stratified"),
    measured_images: ("image-regression", "regression", "stratified"),
    several_classes: ("image-classification", "multi_label_classification", "stratified"),
    coco: ("object-detection", "object_detection", "stratified"),
    yolo: ("object-detection", "object_detection", "stratified"),
    masks: ("image-segmentation", "image_segmentation", "stratified"),
    split_files: ("text-classification", "single_label_classification", "official"),
    contest: ("text-classification", "single_label_classification", "stratified"),
}


@pytest.mark.parametrize("made", FOLDERS, ids=lambda made: made.__name__)
def test_a_folder_becomes_params(tmp_path: Path, made: Callable[[Path], None]) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    made(folder)
    params, _ = written(folder)
    found = (params.task.name, params.task.task.target.problem_type, params.split.method)
    assert found == FOLDERS[made]


def test_an_archive_is_read_as_its_folder(tmp_path: Path) -> None:
    class_folders(tmp_path / "pets")
    shutil.make_archive(str(tmp_path / "pets"), "zip", tmp_path / "pets")
    params, _ = written(tmp_path / "pets.zip")
    assert (params.task.name, params.source.path) == ("image-classification", "data/input/pets.zip")


def test_values_of_masks_are_classes_to_be_named(tmp_path: Path) -> None:
    masks(tmp_path / "given")
    params, _ = written(tmp_path / "given")
    columns: Any = params.source.columns
    assert columns.classes == {0: "background", 1: "class_1", 2: "class_2"}
    assert columns.ignore == (255,)


@pytest.mark.parametrize("name", ["a.conll", "a.txt"])
def test_a_file_of_tagged_words_becomes_params(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Ada B-PER\nwrote O\n. O\n\n" * 10)
    assert written(tmp_path / name)[0].task.name == "token-classification"


def test_squads_json_becomes_params(tmp_path: Path) -> None:
    asked_of = [{"id": "1", "question": "Who?", "answers": [{"text": "fox", "answer_start": 4}]}]
    articles = {"data": [{"title": "a", "paragraphs": [{"context": "The fox", "qas": asked_of}]}]}
    (tmp_path / "squad.json").write_text(json.dumps(articles))
    assert written(tmp_path / "squad.json")[0].task.name == "question-answering"


def test_a_file_without_header_in_another_encoding_says_so(tmp_path: Path) -> None:
    lines = [f"{text(n)} café;{classes(n)}" for n in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="windows-1252")
    params, made = written(tmp_path / "a.csv")
    assert (params.source.csv.encoding, params.source.csv.delimiter) == ("windows-1252", ";")
    assert params.source.csv.header is False
    assert "# encoding windows-1252; delimiter ';'; no header, so columns are numbered from 1" in made
    assert [row.label for row in params.source.model_copy(update={"path": "a.csv"}).read(tmp_path)][:3] == [
        "a",
        "b",
        "c",
    ]


def test_groups_stay_together_and_comments_say_why(tmp_path: Path) -> None:
    given = rows(150, text=text, author=lambda n: f"a{n % 12}", label=lambda n: "ab"[n % 2])
    params, made = written(table(tmp_path / "My notes.csv", given))
    assert (params.project, params.split.method, params.source.columns.group) == ("My-notes", "group", "author")
    assert "method: group  # all rows of one 'author' stay in one split\n" in made
    assert made.startswith("# From My notes.csv: a table with a text and a class in each row.\n")


def test_a_name_cannot_end_a_comment(tmp_path: Path) -> None:
    given = rows(text=text, **{"kind\nseed: 7": classes})
    params, made = written(table(tmp_path / "a.parquet", given))
    assert (params.seed, params.source.columns.labels) == (0, ("kind\nseed: 7",))
    assert made.count("\nseed:") == 1


def test_small_tables_and_rare_classes_are_said(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", rows(text=text, label=lambda n: "rare" if n < 4 else "ab"[n % 2]))
    assert [*warnings(recognise(data(path))[1])] == [
        "note: 60 rows are few: expect wide intervals; a few hundred make results mean something",
        "note: fewer than 10 rows of 'rare': validation.rare_label puts aside what is too rare",
    ]


def test_a_person_decides_between_classes_and_numbers(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", rows(text=text, stars=lambda n: n % 5 + 1))
    assert written(path, asked(task="text-regression"))[0].task.name == "text-regression"
    said = recognise(data(path))[1].said
    assert said[-1] == "  whole numbers with few values are classes; --task text-regression learns them as numbers"


def test_another_task_than_the_data_has_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", rows(text=text, label=classes))
    with pytest.raises(SourceError, match=r"a\.csv does not look like data for object-detection, which is a folder of"):
        written(path, asked(task="object-detection"))
    with pytest.raises(ConfigError, match=r"task is 'classify': unknown task; use one of text-classification, "):
        written(path, asked(task="classify"))


def test_a_table_without_a_label_names_the_flag(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", rows(body=text, code=lambda n: f"x{n}", grade=lambda n: None))
    with pytest.raises(
        SourceError, match=r"it has 'body', 'code', 'grade'\); name them with --text COLUMN and --label"
    ):
        written(path)


def test_a_person_decides_between_boxes_and_masks(tmp_path: Path) -> None:
    coco(tmp_path / "cells", segmentation=[[1, 1, 9, 1, 9, 9]])
    with pytest.raises(ConfigError, match=r"boxes and masks of objects; .*\? Answer with --task object-detection, or"):
        written(tmp_path / "cells")
    for task, problem in (
        ("object-detection", "object_detection"),
        ("image-segmentation", "image_segmentation"),
        ("instance_segmentation", "instance_segmentation"),
    ):
        assert written(tmp_path / "cells", asked(task=task))[0].task.task.target.problem_type == problem


def test_an_answer_is_asked_for_once(tmp_path: Path) -> None:
    coco(tmp_path / "cells", segmentation=[[1, 1, 9, 1, 9, 9]])
    heard: list[str] = []

    def masks_of_objects(question: str, options: Sequence[str], flag: str) -> str:
        heard.append(question)
        return options[1]

    assert written(tmp_path / "cells", Asked(masks_of_objects))[0].task.task.target.problem_type == (
        "instance_segmentation"
    )
    assert len(heard) == 1


def test_annotations_alone_name_the_folder(tmp_path: Path) -> None:
    coco(tmp_path / "cells")
    with pytest.raises(SourceError, match=r"annotations\.json annotates images; .*: finetrail init /.*/cells$"):
        written(tmp_path / "cells" / "annotations.json")
    assert written(tmp_path / "cells")[0].task.name == "object-detection"


def test_rows_inside_an_object_come_with_the_command_that_takes_them_out(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"data": rows(text=text, label=classes)}))
    with pytest.raises(
        SourceError, match=r"a\.json is one object around its rows; take them out: python -c "
    ) as caught:
        written(tmp_path / "a.json")
    subprocess.run(str(caught.value).partition("take them out: ")[2], shell=True, check=True)  # noqa: S602
    assert written(tmp_path / "a-rows.json")[0].task.name == "text-classification"


def test_images_inside_of_a_table_are_found(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    bytes_of = {"bytes": (tmp_path / "a.png").read_bytes(), "path": None}
    params, _ = written(table(tmp_path / "a.parquet", rows(img=lambda n: bytes_of, label=classes)))
    assert (params.task.name, params.source.columns.contents) == ("image-classification", ("img",))


LISTED = [{"label": "cell", "xmin": 1, "ymin": 1, "xmax": 5, "ymax": 6}]


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (lambda n: {"bbox": [[1, 1, 5, 6]] * (n % 3), "categories": ["cell"] * (n % 3)}, "each bbox is read as xywh"),
        (lambda n: LISTED * (n % 3), "60 objects: 'cell' 60"),
    ],
    ids=["bbox", "corners"],
)
def test_images_with_a_column_of_boxes_become_params(tmp_path: Path, objects: Callable[[int], Any], said: str) -> None:
    image(tmp_path / "a.png")
    listed = rows(
        image=lambda n: {"bytes": (tmp_path / "a.png").read_bytes(), "path": None}, boxes=objects, site=classes
    )
    path = table(tmp_path / "cells.parquet", listed)
    params, _ = written(path)
    columns: Any = params.source.columns
    assert (params.task.name, columns.contents, columns.label) == ("object-detection", ("image",), "boxes")
    assert any(said in line for line in recognise(data(path))[1].said)
    with pytest.raises(ConfigError, match=r"^--label 'box': cells.parquet has no such column; .*; name one of these$"):
        written(path, asked(labels=["box"]))
    assert written(path, asked(labels=["site"]))[0].task.name == "image-classification"


def test_what_is_no_data_lists_the_tasks(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("This is a story.\nIt goes on.\n")
    with pytest.raises(
        SourceError, match=r"story\.txt looks like none .*object-detection \(`finetrail use own-boxes`\)"
    ):
        written(tmp_path / "story.txt")


def test_tables_in_an_archive_are_to_be_unpacked_and_then_read(tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    folder.mkdir()
    for split in ("train", "test"):
        table(folder / f"{split}.jsonl", rows(text=text, topic=classes))
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder))
    with pytest.raises(SourceError, match=r"packed\.zip holds the table \w+\.jsonl; unpack it, and give the folder"):
        recognise(data(archive))
    shutil.unpack_archive(archive, tmp_path / "unpacked")
    assert written(tmp_path / "unpacked")[0].task.name == "text-classification"
