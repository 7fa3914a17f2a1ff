"""What a finished stage leaves in Prefect's pages: a table or a few lines, from the files that the stage wrote."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from finetrail.data.shown import for_markdown, for_terminal
from finetrail.workspace import Workspace, read_json
from flows.clones import Clone
from flows.places import Places

Logger = logging.Logger | logging.LoggerAdapter[Any]


def leave(stage: str, clone: Clone, logger: Logger) -> None:
    """Leave the artifact of a stage. If Prefect does not take it, only warn: the stage is done all the same."""
    write = _WRITERS.get(stage.partition("@")[0])
    if write is None:
        return
    try:
        write(Workspace(clone.root), clone)
    except Exception as error:  # noqa: BLE001  (of any kind: a page is no reason to lose a result)
        logger.warning("no artifact of %s: %s", stage, error)


def leave_lock(clone: Clone) -> None:
    """Leave dvc.lock: with it in a checkout of the commit, `dvc pull` gets every byte of this run."""
    lock = (clone.root / "dvc.lock").read_text(encoding="utf-8")
    create_markdown_artifact(f"```yaml\n{lock}```", key="dvc-lock", description=f"dvc.lock of {clone.commit}")


def leave_verdict(judged: Mapping[str, Any]) -> None:
    """Leave what the gate said, rule by rule. Args: judged: what `finetrail promote --json` wrote."""
    verdict = judged["verdict"]
    if verdict is None:
        create_markdown_artifact(f"`{judged['model']}` is already the champion.", key="gate")
        return
    rules = [
        {key: for_terminal(one[key]) for key in ("rule", "outcome", "value", "bound", "sentence")}
        for one in verdict["rulings"]
    ]
    said = for_markdown(f"{verdict['reason']} (ledger head {judged['ledger_head']})")
    create_table_artifact(rules, key="gate", description=said)


def leave_evaluation(scored: Mapping[str, Any]) -> None:
    """Leave the scores of a version. Args: scored: what `finetrail evaluate --json` wrote."""
    table = [
        {"metric": name, "test": one["value"], "low": one["low"], "high": one["high"]}
        for name, one in scored["metrics"].items()
    ]
    create_table_artifact(table, key="evaluation", description=f"{scored['address']}, {scored['rows']} rows")


def _validation(workspace: Workspace, _clone: Clone) -> None:
    report = read_json(workspace.validation_report)
    rows = report["rows"]
    verdict = "passed" if report["success"] else "failed"
    counts = f"{rows['ingested']:,} ingested = {rows['passed']:,} passed + {rows['quarantined']:,} quarantined"
    lines = [
        f"**{verdict}**: {counts}",
        "",
        "| rule | policy | rows |",
        "|---|---|---|",
        *(f"| {one['rule']} | {one['policy']} | {one['unexpected']:,} |" for one in report["rules"]),
    ]
    create_markdown_artifact("\n".join(lines), key="validation", description="Is this data fit to train on?")


def _leaderboard(workspace: Workspace, clone: Clone) -> None:
    chosen = read_json(workspace.selection_report)
    table = []
    for one in chosen["ranking"]:
        record = read_json(workspace.run(one["candidate"]).record)
        table.append(
            {
                "candidate": one["candidate"],
                "chosen": "yes" if one["candidate"] == chosen["chosen"] else "",
                f"validation {chosen['metric']}": round(one["value"], 4),
                "interval": f"{one['low']:.4f} to {one['high']:.4f}",
                "trainable parameters": one["trainable_parameters"],
                "MLflow run": _run_link(clone, record["run_id"]),
            }
        )
    create_table_artifact(table, key="leaderboard", description=chosen["reason"])


def _run_link(clone: Clone, run_id: str) -> str:
    page = Places.from_environment().mlflow_page
    return f"{page}/#/runs/{run_id}" if page else run_id


def _test(workspace: Workspace, _clone: Clone) -> None:
    found = read_json(workspace.test_details)
    lines = ["| metric | test | interval |", "|---|---|---|"]
    for name, value in found["test"].items():
        ends = found["intervals"].get(name)
        interval = f"{ends['low']:.4f} to {ends['high']:.4f}" if ends else ""
        lines.append(f"| {name} | {value:.4f} | {interval} |")
    create_markdown_artifact("\n".join(lines), key="test-report", description="Scored once on the test split")


def _version(workspace: Workspace, _clone: Clone) -> None:
    done = read_json(workspace.registration)
    create_markdown_artifact(f"`models:/{done['name']}/{done['version']}`", key="version")


_WRITERS: Mapping[str, Callable[[Workspace, Clone], None]] = {
    "validate": _validation,
    "select": _leaderboard,
    "test": _test,
    "register": _version,
}
