"""What lies at a path: a table, a folder or an archive with its files, or a file of another kind."""

import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import Any

from finetrail.data.sources.annotation_files import TEXTS, Files
from finetrail.data.sources.coco import is_coco, split_of
from finetrail.data.sources.columns import SplitName
from finetrail.data.sources.disguised import WORKBOOKS, refuse_disguised
from finetrail.data.sources.hub import is_data_set
from finetrail.data.sources.json_objects import read_objects, wrapped
from finetrail.data.sources.layout import folders_of
from finetrail.data.sources.place import TABLES
from finetrail.data.sources.scan import encoding_of
from finetrail.data.sources.trees import Tree
from finetrail.errors import SourceError
from finetrail.starting.asking import Asked
from finetrail.starting.roles import Roles, roles_of
from finetrail.starting.tables import Table, columns_of, read_table

_NOTES = ("readme", "license", "licence", "changelog", "citation", "requirements")
"""Files that say something about data."""
_SHORT = 20
"""Characters of names, rather than of texts to read."""
_TRIED = 20
"""Files that a table names."""


@dataclass
class Data:
    """What a person gave, and lazily what it holds.

    Attributes:
        path: where it is. place: what params.yaml will call it.
    """

    path: Path
    place: str
    asked: Asked

    @property
    def name(self) -> str:
        return self.path.name

    def task_of(self, question: str, tasks: Sequence[str]) -> str:
        """Which of several tasks that fit is meant, the best guess first. An answer counts as if --task had said it.

        Raises:
            ConfigError: nobody is there to answer.
        """
        if self.asked.task is None:
            answer = self.asked.choose(f"{self.name} {question}", tasks, f"--task {tasks[0]}")
            self.asked = replace(self.asked, task=answer)
        return self.asked.task or tasks[0]

    @cached_property
    def tree(self) -> Tree | None:
        """The folder or archive; None for a file."""
        if self.path.is_dir():
            return Tree.at(self.path)
        packed = self.path.suffix.lower() not in (*TABLES, *WORKBOOKS)
        packed = packed and (zipfile.is_zipfile(self.path) or tarfile.is_tarfile(self.path))
        return Tree.at(self.path) if packed else None

    @cached_property
    def names(self) -> Sequence[str]:
        """Of the files of a tree, without those that are hidden."""
        return [one for one in self.tree.names(self.path) if not folders_of(one)[1]] if self.tree else []

    @cached_property
    def files(self) -> Files:
        """The files of a tree; only what may be an annotation is read."""
        if self.tree is None or not any(one.lower().endswith(TEXTS) for one in self.names):
            return Files({}, list(self.names))
        return Files.of(self.tree)

    @cached_property
    def listed(self) -> Sequence[tuple[SplitName | None, str]]:
        """The files of the table: one, or one or more for each official split.

        Raises:
            SourceError: a folder has several tables.
        """
        if self.tree is None:
            return [(None, "")]
        found = [
            one
            for one in self.names
            if PurePosixPath(one).suffix.lower() in TABLES and not PurePosixPath(one).name.lower().startswith(_NOTES)
        ]
        found = [one for one in found if not (one.lower().endswith(".json") and one in _coco_files(self.files))]
        splits = [split_of(PurePosixPath(one).name) for one in found]
        if len(found) > 1 and None not in splits and (len({*splits}) == len(found) or self.is_data_set):
            files = list(zip(splits, found, strict=True))
            return self._labelled(files) if self.path.is_dir() else files
        if len(found) > 1:
            raise SourceError(
                f"{self.name} holds several tables: {', '.join(found[:5])}; give one of them, or name them train, val "
                "and test"
            )
        return [(None, one) for one in found]

    def _labelled(self, files: "list[tuple[SplitName | None, str]]") -> "list[tuple[SplitName | None, str]]":
        """The files that have all columns of the training rows: a test file of a contest has no labels."""
        kind = TABLES[PurePosixPath(files[0][1]).suffix.lower()]
        columns = {name: columns_of(self.path / name, kind, self.asked.choose) for _, name in files}
        needed = next((columns[name] for split, name in files if split == "train"), set())
        kept = [(split, name) for split, name in files if needed <= columns[name]]
        return kept if len(kept) > 1 else [(None, name) for _, name in kept]

    @property
    def is_data_set(self) -> bool:
        """Whether it is a folder that `datasets` reads."""
        return self.path.is_dir() and is_data_set(self.path)

    @cached_property
    def kind(self) -> str:
        """The format of the table; empty where there is none."""
        names = [self.name] if self.tree is None else [one for _, one in self.listed]
        kinds = {TABLES.get(PurePosixPath(one).suffix.lower(), "") for one in names}
        return kinds.pop() if len(kinds) == 1 else ""

    @cached_property
    def first(self) -> Mapping[str, Any]:
        """The first object of a JSON file; empty for all else."""
        if self.tree is not None or self.path.suffix.lower() != ".json":
            return {}
        return next((value for _, value in read_objects(self.path, encoding_of(self.path))), {})

    @property
    def has_articles(self) -> bool:
        """Whether it is JSON in the form of SQuAD: articles of paragraphs."""
        articles = self.first.get("data")
        inner = articles[0] if isinstance(articles, list) and articles else self.first
        return isinstance(inner, dict) and "paragraphs" in inner

    @cached_property
    def table(self) -> Table | None:
        """The table, read whole; None where there is none.

        Raises:
            SourceError: it cannot be read, or an archive or another object holds it.
        """
        if self.tree is None and self.path.suffix.lower() in WORKBOOKS:
            refuse_disguised(self.path)
        if is_coco(self.first):
            above = quote(str(self.path.resolve().parent))
            raise SourceError(
                f"{self.name} annotates images; give the folder that has them too: finetrail init {above}"
            )
        if not self.kind or self.has_articles:
            return None
        if self.tree is not None and not self.path.is_dir():
            raise SourceError(f"{self.name} holds the table {self.listed[0][1]}; unpack it, and give the folder")
        files = [(split, self.path / one if one else self.path) for split, one in self.listed]
        table = read_table(files, self.kind, self.asked.choose)
        if table.rows == 1 and (unwrap := wrapped(self.path, dict(self.first))):
            raise SourceError(f"{self.name} is one object around its rows; take them out: {unwrap}")
        return table

    @property
    def beside(self) -> Path:
        """The folder that paths in the table start from."""
        return self.path.parent if self.tree is None else (self.path / self.listed[0][1]).parent

    def are_there(self, column: str) -> bool:
        """Whether some of the first files that a column names are there."""
        names = [*self.table.columns[column].counts][:_TRIED] if self.table else []
        return any((self.beside / name).is_file() for name in names)

    @property
    def source(self) -> dict[str, Any]:
        """Where the rows are, as section `source` says it."""
        if self.tree is None or self.is_data_set or not self.kind:
            return {"path": self.place}
        if len(self.listed) == 1:
            return {"path": f"{self.place}/{self.listed[0][1]}"}
        return {"splits": {split: f"{self.place}/{name}" for split, name in self.listed}}

    @cached_property
    def pictures(self) -> str:
        """The column of the table that names images or holds them; empty where none does."""
        if self.table is None:
            return ""
        columns = self.table.columns.values()
        named = [one.name for one in columns if one.mostly("file")]
        # A shop's export names images that are elsewhere: then it is read for its texts, if it has some.
        if not any(self.are_there(name) for name in named) and any(
            one.is_textual and one.length > _SHORT for one in columns
        ):
            named = []
        found = [one for one in (*named, *self.table.blobs) if not self.asked.text or one in self.asked.text]
        return found[0] if found else ""

    @cached_property
    def roles(self) -> Roles | None:
        """The roles of the table's columns. Asks for what cannot be told, once."""
        if self.table is None:
            return None
        return roles_of(self.name, self.table, self.asked, (self.pictures,) if self.pictures else ())


def _coco_files(files: Files) -> list[str]:
    return [name for name in files.texts if name.lower().endswith(".json") and is_coco(_json(files.texts[name]))]


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
