"""`finetrail review`: what a person ticks stands in data/corrections.csv, and nobody else can write there."""

import http.client
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from finetrail.commands.review.review import serve
from finetrail.commands.review.server import ReviewServer
from finetrail.data.store.corrections import HEADER, read_lines
from finetrail.errors import ConfigError, WorkspaceError
from finetrail.evaluation.selection import Selection, Standing, choose
from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.settings import LabelColumns
from finetrail.workspace import Workspace, write_json
from tests.browser import colours, opened

ROWS = {f"{number:016x}": f"good table {number}" for number in range(1, 6)}
IDS = list(ROWS)
HOSTILE = "</script><script>document.title='owned'</script>"
NO_HEADERS: Mapping[str, str] = {}
OTHERS = f'{"f" * 16},bad,Bob,"a line, of somebody else"\n'


@pytest.fixture
def workspace(saved_model: Path, tmp_path: Path) -> Workspace:
    """What the stages before a review leave: five suspects, of which the last has no suggestion."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    space = Workspace(tmp_path)
    (tmp_path / "data" / "models").mkdir(parents=True)
    space.model("full").symlink_to(saved_model)
    space.split("train").mkdir(parents=True)
    texts = [*list(ROWS.values())[:-1], HOSTILE]
    table = {"id": IDS, "text": texts, "label": ["good"] * 5, "group": pa.array([None] * 5, pa.string())}
    pq.write_table(pa.table(table), space.split("train") / "part-00000.parquet")
    metric = CLASSES.metrics[-1]
    standing = Standing("full", 0.7, 0.6, 0.8, 0.0, 0.0, 0.0, 10, 20)
    write_json(space.selection_report, choose([standing], Selection(metric=metric.name), metric).as_json())
    suspects = [
        {
            "id": row,
            "split": "train",
            "label": "good",
            "suggestion": "" if row == IDS[-1] else "bad",
            "quality": 0.001,
            "flagged": True,
            "neighbours": [{"id": IDS[0], "label": HOSTILE, "cosine": 0.5}],
        }
        for row in IDS
    ]
    write_json(space.assessment("labels") / "labels.json", {"suspects": suspects})
    space.corrections.write_text(HEADER + OTHERS, encoding="utf-8")
    for command in ("init --quiet", "config user.name Ada"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    return space


@pytest.fixture
def server(workspace: Workspace) -> Iterator[ReviewServer]:
    with serve(workspace, CLASSES, LabelColumns(label="label"), 0) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def ask(server: ReviewServer, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, str]:
    """Status and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in (headers | ({"Content-Length": str(len(body))} if body else {})).items():
        connection.putheader(name, value)
    connection.endheaders(body or None)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def decide(
    server: ReviewServer, row: str, kind: str, *, headers: Mapping[str, str] = NO_HEADERS, **more: str
) -> tuple[int, str]:
    own = {"X-Token": server.token, "Origin": f"http://{server.host}", "Content-Type": "application/json"}
    body = json.dumps({"id": row, "kind": kind, **more}).encode()
    return ask(server, "POST", "/decide", own | dict(headers), body)


def lines(workspace: Workspace) -> list[tuple[str, str, str, str]]:
    return [(one.id, one.label, one.who, one.why) for one in read_lines(workspace.corrections)]


def test_each_decision_is_a_line_and_what_others_wrote_stays(server: ReviewServer, workspace: Workspace) -> None:
    assert decide(server, IDS[0], "keep") == (200, "good")
    assert decide(server, IDS[1], "accept") == (200, "bad")
    assert decide(server, IDS[2], "other", label="ugly", why=" it is\nugly ") == (200, "ugly")
    assert decide(server, IDS[3], "drop") == (200, "drop")
    text = workspace.corrections.read_text(encoding="utf-8")
    assert text.startswith(HEADER + OTHERS)
    assert lines(workspace)[1:] == [
        (IDS[0], "good", "Ada", "the label is right"),
        (IDS[1], "bad", "Ada", "suggested by assess.labels, quality 0.001"),
        (IDS[2], "ugly", "Ada", "it is ugly"),
        (IDS[3], "drop", "Ada", "unfit"),
    ]
    assert decide(server, IDS[1], "drop") == (200, "drop")
    assert lines(workspace)[2] == (IDS[1], "drop", "Ada", "unfit"), "one line a row, where it stood"
    for row in IDS[:4]:
        assert decide(server, row, "undo") == (200, "")
    assert lines(workspace) == [("f" * 16, "bad", "Bob", "a line, of somebody else")]
    assert not list(workspace.corrections.parent.glob("*.partial"))


def test_undo_brings_back_the_line_that_was_there_before(workspace: Workspace) -> None:
    earlier = f"{IDS[0]},ugly,Bob,\n"
    with workspace.corrections.open("a", encoding="utf-8") as file:
        file.write(earlier)
    with serve(workspace, CLASSES, LabelColumns(label="label"), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert decide(server, IDS[0], "keep") == (200, "good")
        assert decide(server, IDS[0], "undo") == (200, "ugly")
        server.shutdown()
    assert workspace.corrections.read_text(encoding="utf-8") == HEADER + OTHERS + earlier


def test_what_cannot_be_written_is_said_and_changes_nothing(server: ReviewServer, workspace: Workspace) -> None:
    before = workspace.corrections.read_bytes()
    cases: list[tuple[str, str, dict[str, str], str]] = [
        (IDS[4], "accept", {}, "there is no suggestion to accept; keep the label, write another, or drop the row"),
        (IDS[0], "other", {"label": " "}, f"row {IDS[0]} has no label; write one, or drop"),
        (
            IDS[0],
            "other",
            {"label": "drop"},
            "a label 'drop' would drop the row; name that class otherwise in the source",
        ),
        ("f" * 16, "drop", {}, f"'drop' of '{'f' * 16}' is not asked here; load the page again"),
        (IDS[0], "burn", {}, f"'burn' of '{IDS[0]}' is not asked here; load the page again"),
    ]
    for row, kind, more, message in cases:
        assert decide(server, row, kind, label=more.get("label", "")) == (409, message)
    assert decide(server, IDS[0], "keep", more="x")[0] == 400
    assert decide(server, IDS[0], "other", label="\ud800")[0] == 400
    assert workspace.corrections.read_bytes() == before


def test_only_the_printed_page_may_ask(server: ReviewServer, workspace: Workspace) -> None:
    """Another site in the same browser has neither the token nor the origin, and a rebound name is another host."""
    before = workspace.corrections.read_bytes()
    page = f"/?token={server.token}"
    rebound = f"evil.example:{server.server_address[1]}"
    for headers in ({"Host": rebound}, {"Host": f"localhost:{server.server_address[1]}"}):
        status, text = ask(server, "GET", page, headers)
        assert (status, "good table" in text) == (403, False)
    for path in ("/", "/?token=", f"/?token={server.token[:-1]}", "/?token=%FF"):
        assert ask(server, "GET", path, {})[0] == 403
    assert ask(server, "GET", f"/decide?token={server.token}", {})[0] == 404
    for headers in (
        {"Host": rebound},
        {"X-Token": "wrong"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
    ):
        assert decide(server, IDS[0], "drop", headers=headers)[0] == 403
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        assert decide(server, IDS[0], "drop", headers=headers)[0] == 400
    assert decide(server, IDS[0], "other", label="x" * 70_000)[0] == 413
    assert ask(server, "OPTIONS", "/decide", {"Origin": "http://evil.example"})[0] == 501, "no preflight is allowed"
    assert workspace.corrections.read_bytes() == before
    assert ask(server, "GET", page, {})[0] == 200


@pytest.mark.slow
def test_what_a_person_ticks_in_a_browser_is_in_the_file(
    server: ReviewServer, workspace: Workspace, chromium: str, tmp_path: Path
) -> None:
    with opened(chromium, server.address, tmp_path) as tab:
        assert tab.value("document.querySelectorAll('.question').length") == 5
        assert tab.value("document.title") == "Review of labels", "no script of a row has run"
        assert HOSTILE in tab.value("document.body.textContent")

        def done(count: int) -> None:
            tab.wait(f"document.getElementById('done').textContent === '{count}'")

        for count, key in enumerate("kad", start=1):
            tab.press(key)
            done(count)
        tab.press("o")
        tab.type("ugly")
        tab.press("Enter")
        done(4)
        tab.press("a")  # the last has no suggestion
        tab.wait("document.querySelector('.refused')?.textContent.startsWith('there is no suggestion')")
        tab.value("document.querySelectorAll('.question')[4].querySelector('[data-kind=drop]').click()")
        done(5)
        tab.press("z")
        done(4)
        for width in (390, 1100):
            assert colours(tab.image(width)) > 20
            assert tab.value("document.documentElement.scrollWidth <= innerWidth"), f"no scrolling at {width}"
        light, dark = (tab.image(390, dark=dark).convert("L").getpixel((2, 2)) for dark in (False, True))
        assert isinstance(light, int)
        assert isinstance(dark, int)
        assert (light > 200, dark < 50) == (True, True)
    found = [(row, label) for row, label, _, _ in lines(workspace)[1:]]
    assert found == list(zip(IDS[:4], ["good", "bad", "drop", "ugly"], strict=True))


def test_a_port_in_use_is_a_line_whose_remedy_works(server: ReviewServer, workspace: Workspace) -> None:
    port = server.server_address[1]
    with pytest.raises(
        ConfigError, match=rf"port {port} is in use by .* take another port: finetrail review"
    ) as caught:
        serve(workspace, CLASSES, LabelColumns(label="label"), port)
    other = int(str(caught.value).rpartition("--port ")[2])
    with serve(workspace, CLASSES, LabelColumns(label="label"), other) as second:
        assert urlsplit(second.address).port == other


def test_who_decides_must_be_known(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    subprocess.run(["git", "config", "--unset", "user.name"], cwd=workspace.root, check=True)
    with pytest.raises(WorkspaceError, match=r"git knows no user\.name; set it: `git config user\.name") as caught:
        serve(workspace, CLASSES, LabelColumns(label="label"), 0)
    remedy = str(caught.value).split("`")[1]
    subprocess.run(remedy, shell=True, cwd=workspace.root, check=True)  # noqa: S602 - as a person copies it
    serve(workspace, CLASSES, LabelColumns(label="label"), 0).server_close()


def test_without_an_assessment_there_is_nothing_to_review(workspace: Workspace) -> None:
    (workspace.assessment("labels") / "labels.json").unlink()
    with pytest.raises(
        WorkspaceError, match=r"labels\.json does not exist: .*`dvc repro` or `finetrail assess labels`"
    ):
        serve(workspace, CLASSES, LabelColumns(label="label"), 0)
