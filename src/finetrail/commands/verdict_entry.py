"""The verdict on a version where it lasts: an artifact of its run, tags of the version, and an entry of the ledger."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from finetrail.gate.perturbed import NAME as ROBUSTNESS
from finetrail.gate.robustness import DROP, GAIN
from finetrail.gate.verdict import Verdict
from finetrail.registry import promotion
from finetrail.registry.assessments import latest
from finetrail.registry.chain import Chain, Entry, hash_text
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import Known
from finetrail.runs.mlflow_errors import tracking_errors

GATE = "finetrail.gate"
RULES = "finetrail.gate_rules"


def enter(
    ledger: Ledger, challenger: Known, champion: Known | None, verdict: Verdict, judged_by: Mapping[str, str]
) -> Entry:
    """Store the verdict as an artifact of the challenger's run, as tags of the version, and in the ledger."""
    content = json.dumps(verdict.as_json(), sort_keys=True, ensure_ascii=False)
    digest = hash_text(content)
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"verdict-{digest[:12]}.json"
        file.write_text(content, encoding="utf-8")
        ledger.tracker.upload(challenger.run_id, file, "gate")
    facts = {"verdict_sha256": digest, "run_id": challenger.run_id, **judged_by}
    facts |= {"champion_model": champion.fingerprint} if champion else {}
    facts |= _evidence(ledger.read(), verdict, challenger, champion)
    rest = {"model": challenger.fingerprint, "test_split": verdict.test_split, "verdict": verdict.reason[:2000]}
    if verdict.passed:
        entry = promotion.promote(ledger, challenger.version, verdict.champion, facts=facts, **rest)
    else:
        entry = ledger.enter("refusal", version=challenger.version, facts=facts, **rest)
    said = "promoted" if verdict.passed else "refused"
    tags = {GATE: f"{said}: {verdict.reason}"[:4000], RULES: json.dumps(verdict.summary(), ensure_ascii=False)}
    with tracking_errors(ledger.tracker.uri):
        for key, value in tags.items():
            ledger.tracker.client.set_model_version_tag(challenger.name, str(challenger.version), key, value)
    return entry


def _evidence(chain: Chain, verdict: Verdict, challenger: Known, champion: Known | None) -> dict[str, str]:
    """The hashes of the answers that a verdict stands on, for `verify`; none where a model could not be scored."""
    found: dict[str, str] = {}
    judged = any(one.rule in (DROP, GAIN) for one in verdict.rulings)
    for prefix, known in (("", challenger), ("champion_", champion)):
        if known is None:
            continue
        scorings = chain.scorings(verdict.test_split, known.fingerprint)
        found |= {f"{prefix}answers_sha256": scorings[-1].facts["answers_sha256"]} if scorings else {}
        asked = latest(chain, known.fingerprint, ROBUSTNESS) if judged else None
        found |= {f"{prefix}perturbed_sha256": asked.facts["answers_sha256"]} if asked else {}
    return found
