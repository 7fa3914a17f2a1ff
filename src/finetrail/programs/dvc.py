"""The one place that calls DVC, and that reads and writes its settings: where its cache and its remotes are.

DVC is not imported: its own commands would take a second for each question. The files and their order are those of
https://doc.dvc.org/command-reference/config.
"""

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import site_config_dir, user_config_dir

from finetrail.programs.run import Say, must, run

Sections = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Dvc:
    """DVC's commands, run by this Python.

    Attributes:
        root: the workspace.
        environment: all of it.
        where: what the workspace is called in messages.
        say: hears each line of what they write.
    """

    root: Path
    environment: Mapping[str, str]
    where: str
    say: Say | None = None

    def try_to(self, *arguments: str) -> bool:
        """Run a command that may fail, silently; returns whether it succeeded."""
        return run(self._command(*arguments), self.root, self.environment).code == 0

    def must(self, *arguments: str) -> None:
        """Run a command. Raises: WorkspaceError: it failed."""
        must(self._command(*arguments), self.root, self.environment, self.say, where=self.where)

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "dvc", *arguments]


def cache_of(root: Path) -> Path:
    """The folder of a workspace's cache."""
    return Path(_read(root).get("cache", {}).get("dir", root / ".dvc" / "cache"))


def remotes_of(root: Path) -> Sections:
    """The remotes that a workspace knows, and which of them is the default; relative paths are made absolute."""
    found = {}
    for section, keys in _read(root).items():
        if section == "core" and "remote" in keys:
            found[section] = {"remote": keys["remote"]}
        elif section.startswith("'remote "):
            found[section] = keys
    return found


def has_remote(root: Path) -> bool:
    """Whether there is a default remote to pull from and push to."""
    return "core" in remotes_of(root)


def without_git(root: Path) -> bool:
    """Whether DVC was set up without git, by `dvc init --no-scm`."""
    return str(_read(root).get("core", {}).get("no_scm", "")).lower() == "true"


def configure(root: Path, sections: Mapping[str, Mapping[str, str]]) -> None:
    """Write the settings that git does not have, over those that it has. Addresses may hold passwords."""
    file = root / ".dvc" / "config.local"
    file.touch(mode=0o600)
    file.write_text("\n".join(_lines(sections)) + "\n", encoding="utf-8")


def remote(name: str) -> str:
    """The section of a remote."""
    return f"'remote \"{name}\"'"


def _read(root: Path) -> Sections:
    """The settings of the machine, the user, git and this clone alone; later ones win."""
    own = root / ".dvc"
    system = os.environ.get("DVC_SYSTEM_CONFIG_DIR") or site_config_dir("dvc", "iterative")
    person = os.environ.get("DVC_GLOBAL_CONFIG_DIR") or user_config_dir("dvc", "iterative")
    found: Sections = {}
    for file in (Path(system) / "config", Path(person) / "config", own / "config", own / "config.local"):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(file, encoding="utf-8")
        for section in settings.sections():
            keys = {key: _absolute(section, key, value, file.parent) for key, value in settings[section].items()}
            found[section] = found.get(section, {}) | keys
    return found


def _absolute(section: str, key: str, value: str, folder: Path) -> str:
    """Make a path absolute: it is relative to its file's folder. Anything with `://` stays as it is."""
    is_path = (section, key) == ("cache", "dir") or (section.startswith("'remote ") and key == "url")
    return str((folder / value).resolve()) if is_path and "://" not in value else value


def _lines(sections: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name, keys in sections.items():
        yield f"[{name}]"
        yield from (f"{key} = {value}" for key, value in keys.items())
