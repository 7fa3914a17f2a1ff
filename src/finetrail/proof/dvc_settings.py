"""DVC's files of settings: where its cache and its remotes are, and settings that hold for one clone alone.

DVC is not imported: its own commands would take two seconds for each question.
"""

import configparser
from collections.abc import Iterator, Mapping
from pathlib import Path

Sections = dict[str, dict[str, str]]


def cache_of(root: Path) -> Path:
    """The folder of a workspace's cache."""
    named = _read(root).get("cache", {}).get("dir", "cache")
    return root / ".dvc" / named


def remotes_of(root: Path) -> Sections:
    """The remotes that a workspace knows, and which of them is the default; relative paths are made absolute."""
    found = {}
    for section, keys in _read(root).items():
        if section == "core" and "remote" in keys:
            found[section] = {"remote": keys["remote"]}
        elif section.startswith("'remote "):
            url = keys.get("url", "")
            found[section] = keys | ({} if "://" in url else {"url": str((root / ".dvc" / url).resolve())})
    return found


def configure(root: Path, sections: Mapping[str, Mapping[str, str]]) -> None:
    """Write the settings that git does not have, over those that it has. Addresses may hold passwords."""
    file = root / ".dvc" / "config.local"
    file.touch(mode=0o600)
    file.write_text("\n".join(_lines(sections)) + "\n", encoding="utf-8")


def remote(name: str) -> str:
    """The section of a remote."""
    return f"'remote \"{name}\"'"


def _read(root: Path) -> Sections:
    """What git has, and over it what it has not."""
    found: Sections = {}
    for name in ("config", "config.local"):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(root / ".dvc" / name, encoding="utf-8")
        for section in settings.sections():
            found[section] = found.get(section, {}) | dict(settings[section])
    return found


def _lines(sections: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name, keys in sections.items():
        yield f"[{name}]"
        yield from (f"{key} = {value}" for key, value in keys.items())
