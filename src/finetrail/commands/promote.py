"""`finetrail promote`: put a version through the gate, and make it champion if it passes."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from finetrail.commands.columns import aligned
from finetrail.commands.verdict_entry import enter
from finetrail.data.store.shards import pick
from finetrail.errors import ConflictError, RefusedError
from finetrail.gate.answers import HeldOut, Opened, answers_of, open_test_split, opened, refuse_unequal, refuse_unknown
from finetrail.gate.costs import latencies_ms, size_mb
from finetrail.gate.evidence import Cost, Evidence
from finetrail.gate.loosened import BOUNDS, bounds_of, gate_rule
from finetrail.gate.perturbed import answers_to_perturbed, refuse_unassessed
from finetrail.gate.rules import judge
from finetrail.gate.settings import Gate
from finetrail.gate.verdict import Ruling, Verdict, collapse
from finetrail.programs.git import Repository
from finetrail.progress import Track, quiet
from finetrail.registry import promotion
from finetrail.registry.chain import Chain, Entry
from finetrail.registry.ledger import Ledger, open_ledger
from finetrail.registry.meant import meant
from finetrail.registry.versions import Known, find, moved_aliases
from finetrail.runs import tracking
from finetrail.targets.target import metric_named
from finetrail.tasks.task import Task
from finetrail.workspace import Workspace


@dataclass(frozen=True)
class Judged:
    """What `promote` did.

    Attributes:
        verdict: None if the version is the champion already.
        entry: the ledger's, if one was made.
        head: the ledger's.
    """

    address: str
    verdict: Verdict | None
    entry: Entry | None
    head: str

    def as_json(self) -> dict[str, object]:
        """The content of the file that --json names."""
        promoted = self.entry is not None and self.entry.kind == "promotion"
        verdict = self.verdict.as_json() if self.verdict else None
        return {"model": self.address, "verdict": verdict, "promoted": promoted, "ledger_head": self.head}


def promote(
    workspace: Workspace,
    *,
    project: str,
    task: Task,
    settings: Gate,
    version: str | None = None,
    dry_run: bool = False,
    accept_looser: bool = False,
    track: Track = quiet,
) -> Judged:
    """Judge a version against the champion, enter the verdict, and move the aliases if it passes.

    Args:
        version: its number, an alias or a candidate; None for the version of the workspace.
        dry_run: judge only.
        accept_looser: take the gate as it is, even if the champion passed a stricter one.

    Raises:
        LedgerError: the ledger, or an answer that it vouches for, is not what it was.
        RefusedError: there is no such version.
        ConflictError: another version became champion meanwhile.
        WorkspaceError: the workspace has no test split.
    """
    tracker = tracking.connect(workspace, project)
    ledger = open_ledger(tracker, project, workspace.root)
    chain = ledger.read() if dry_run else promotion.reconcile(ledger)
    challenger = meant(workspace, tracker, project, version, own=True).known
    number = moved_aliases(tracker, project).champion if dry_run else chain.state.champion
    if challenger.version == number:
        return Judged(challenger.address, None, None, chain.head)
    champion = find(tracker, project, str(number)) if number is not None else None
    if settings.asks_robustness:
        refuse_unassessed(chain, challenger)
    split = open_test_split(workspace, task.content.name)
    trial = _Trial(ledger, chain, workspace.scratch, split, workspace.split("val"), settings, track)
    passed = chain.promotion(champion.version) if champion else None
    verdict = _judge(trial, challenger, champion, gate_rule(settings, passed, accepted=accept_looser))
    if dry_run:
        return Judged(challenger.address, verdict, None, ledger.read().head)
    judged_by = {BOUNDS: bounds_of(settings), **_params(workspace)}
    entry = enter(ledger, challenger, champion, verdict, judged_by)
    return Judged(challenger.address, verdict, entry, ledger.read().head)


def table(judged: Judged) -> Iterator[Text]:
    """The verdict for people: a line per rule, and the outcome."""
    if judged.verdict is None:
        yield Text(f"{judged.address} is already the champion; nothing was changed")
        return
    verdict = judged.verdict
    rows = [
        (one.rule, one.value, one.bound, one.outcome, one.sentence) for one in collapse(verdict.rulings, "recall of ")
    ]
    yield from aligned(("rule", "value", "bound", "", "why"), rows)
    yield Text(f"different models scored on test split {verdict.test_split[:12]} so far: {verdict.models_scored}")
    yield Text(verdict.reason)


@dataclass(frozen=True)
class _Trial:
    """Everything that a comparison of models needs."""

    ledger: Ledger
    chain: Chain
    scratch: Path
    split: HeldOut
    val: Path
    settings: Gate
    track: Track

    @property
    def models_scored(self) -> int:
        return len(self.ledger.read().scored(self.split.sha256))


def _judge(trial: _Trial, challenger: Known, champion: Known | None, more: Sequence[Ruling]) -> Verdict:
    with ExitStack() as stack:
        known = [challenger] if champion is None else [challenger, champion]
        models = [stack.enter_context(opened(trial.ledger, trial.chain, trial.scratch, one)) for one in known]
        try:
            rulings = _compare(trial, models)
        except ConflictError:
            raise
        except RefusedError as error:
            rulings = (Ruling("labels", "fail", str(error)),)
    return Verdict(
        name=challenger.name,
        challenger=challenger.version,
        champion=champion.version if champion else None,
        test_split=trial.split.sha256,
        rows=len(trial.split.rows),
        models_scored=trial.models_scored,
        rulings=(*rulings, *more),
    )


def _params(workspace: Workspace) -> dict[str, str]:
    """The commit, and whether params.yaml is as it is there, for an entry of the ledger."""
    git = Repository(workspace.root)
    if not git.head:
        return {"params": "in no commit"}
    same = git.show(git.head, workspace.params.name) == workspace.params.read_bytes()
    return {"commit": git.head, "params": "as committed" if same else "not committed"}


def _compare(trial: _Trial, models: list[Opened]) -> tuple[Ruling, ...]:
    split, settings = trial.split, trial.settings
    tasks = [one.built.task for one in models]
    if len({one.target.name for one in tasks}) > 1:
        kinds = " and the champion ".join(one.target.noun for one in tasks)
        raise RefusedError(f"they answer different questions: the challenger does {kinds}")
    codecs = [one.built.codec for one in models]
    own = codecs[0]
    refuse_unknown(own, split)
    for codec in codecs:
        own.refuse_others(codec)  # before anything is scored
    answers = [
        codec.aligned(answers_of(trial.ledger, trial.chain, one, split, track=trial.track), own)
        for codec, one in zip(codecs, models, strict=True)
    ]
    chain = trial.ledger.read()
    for one in models:
        refuse_unequal(chain, one, split)
    costs = _costs(trial, models)
    perturbed = None
    if settings.asks_robustness:
        perturbed = answers_to_perturbed(trial.ledger, chain, models, trial.val, track=trial.track)
    return judge(
        Evidence(
            judge=own.judge,
            metric=metric_named(tasks[0].target.metrics, settings.metric),
            labels=split.labels,
            challenger=answers[0],
            champion=answers[1] if len(answers) > 1 else own.judge.constant(split.labels),
            groups=split.groups,
            slices=split.slices(settings.slices),
            challenger_cost=costs[0],
            champion_cost=costs[1] if len(costs) > 1 else None,
            models_scored=trial.models_scored,
            perturbed=perturbed,
        ),
        settings,
    )


def _costs(trial: _Trial, models: list[Opened]) -> list[Cost]:
    split, settings = trial.split, trial.settings
    taken: Sequence[float | None] = [None] * len(models)
    if settings.max_latency_ms is not None or (settings.latency_ratio is not None and len(models) > 1):
        ids = split.rows["id"].tolist()[: settings.latency_rows]
        contents = list(pick(split.folder, split.content, ids).values())
        taken = latencies_ms([one.built for one in models], contents)
    return [Cost(size_mb(one.folder), latency) for one, latency in zip(models, taken, strict=True)]
