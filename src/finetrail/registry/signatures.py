"""Entries of a ledger, signed with the ssh key of whoever wrote them: set up with git's own settings.

`git config finetrail.sign true` signs with `user.signingkey`. Where `gpg.ssh.allowedSignersFile` names a file, the
signatures are checked against it: the name in an entry alone is what anybody may set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finetrail.errors import WorkspaceError
from finetrail.programs.git import Repository
from finetrail.programs.ssh import sign, signer
from finetrail.registry.chain import Chain, broken

SIGNATURE = "finetrail.signature"


@dataclass(frozen=True)
class Signatures:
    """The settings of a workspace. Args: root: the workspace."""

    root: Path

    def of(self, text: str) -> dict[str, str]:
        """The tag with the signature of an entry; none where entries are not signed.

        Raises:
            WorkspaceError: they are to be signed, but there is no key, or it cannot be used.
        """
        git = Repository(self.root)
        if git.setting("finetrail.sign") != "true":
            return {}
        key = git.setting("user.signingkey")
        if not key:
            raise WorkspaceError(
                "git's finetrail.sign is true, but user.signingkey names no key; set it with `git config "
                "user.signingkey ~/.ssh/id_ed25519`"
            )
        return {SIGNATURE: sign(text, key)}

    @property
    def allowed(self) -> Path | None:
        """The file of those who may sign, if one is set."""
        named = Repository(self.root).setting("gpg.ssh.allowedSignersFile")
        return Path(named).expanduser() if named else None

    def check(self, chain: Chain, found: Mapping[int, str]) -> dict[int, str]:
        """Who signed each entry, by its number; entries without a signature are left out.

        Args:
            found: the signatures, by the number of their entry.

        Raises:
            LedgerError: a signature is by nobody who may sign, or of another text.
        """
        allowed = self.allowed
        if allowed is None:
            return {}
        who = {}
        for entry in chain.entries:
            if entry.number in found:
                name = signer(entry.text, found[entry.number], allowed)
                if name is None:
                    raise broken(entry.number, f"nobody in {allowed} signed it as it is")
                who[entry.number] = name
        return who
