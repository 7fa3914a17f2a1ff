"""The link from a champion to the verdict that made it one, and to the answers that the verdict stood on."""

from tempfile import TemporaryDirectory

from finetrail.errors import LedgerError
from finetrail.locations import sha256_of
from finetrail.proof.links import Checked, broken, ok, unreachable
from finetrail.proof.registered import RESTORE_DATABASE
from finetrail.registry import assessments, scorings
from finetrail.registry.chain import Chain, Entry
from finetrail.registry.ledger import Ledger
from finetrail.registry.sealed import RESTORE
from finetrail.registry.versions import Known

NAME = "verdict"
_EVIDENCE = ("answers_sha256", "champion_answers_sha256", "perturbed_sha256", "champion_perturbed_sha256")
Found = tuple[str, str, str]
"""What is wrong, what was expected, and the remedy."""


def check_verdict(ledger: Ledger, chain: Chain, known: Known) -> Checked | None:
    """Check the promotion of a version; None for a version that never passed the gate."""
    passed = chain.promotion(known.version)
    if passed is None:
        return None
    where = f"entry {passed.number} of the ledger"
    wrong = _contradiction(chain, known, passed) or _stored(ledger, chain, known, passed)
    if wrong is not None:
        return broken(NAME, f"{where}: {wrong[0]}", *wrong[1:])
    try:
        signers = ledger.signers(chain)
    except LedgerError as error:
        return broken(NAME, str(error).partition("; ")[0], "the signature of its writer", RESTORE_DATABASE)
    if ledger.signatures and ledger.signatures.allowed and passed.number not in signers:
        return unreachable(NAME, f"{where} is not signed", "sign entries with `git config finetrail.sign true`")
    params = f"; its params were {passed.facts['params']}" if "params" in passed.facts else ""
    return ok(NAME, f"{where}, with the answers that it stands on{params}")


def _contradiction(chain: Chain, known: Known, passed: Entry) -> Found | None:
    """Where the ledger contradicts itself."""
    if passed.model != known.fingerprint:
        return "it is of another model", known.fingerprint[:16], RESTORE_DATABASE
    before = {one.facts.get("answers_sha256") for one in chain.entries if one.number < passed.number}
    for name in _EVIDENCE:
        wanted = passed.facts.get(name)
        if wanted is not None and wanted not in before:
            return "no scoring before it gave the answers that it stands on", f"sha256 {wanted[:16]}", RESTORE_DATABASE
    return None


def _stored(ledger: Ledger, chain: Chain, known: Known, passed: Entry) -> Found | None:
    """Where MLflow's store does not have what the ledger names."""
    digest = passed.facts["verdict_sha256"]
    with TemporaryDirectory() as folder:
        file = ledger.tracker.download(passed.facts["run_id"], f"gate/verdict-{digest[:12]}.json", folder)
        if file is None or sha256_of(file) != digest:
            found = f"its verdict {'is not in the store' if file is None else 'was altered'}"
            return found, f"sha256 {digest[:16]}", RESTORE
    if scorings.stored(ledger, chain, model=known.fingerprint, test_split=passed.test_split) is None:
        return "the answers are not in the store as they were", "the file that the ledger names", RESTORE
    perturbed = {passed.facts[name] for name in _EVIDENCE[2:] if name in passed.facts}
    for entry in chain.entries:
        if entry.facts.get("answers_sha256") in perturbed and assessments.stored(ledger, entry) is None:
            found = "answers to perturbed rows are not in the store as they were"
            return found, "the file that the ledger names", RESTORE
    return None
