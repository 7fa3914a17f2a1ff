"""Signatures by ssh keys: `ssh-keygen -Y`, as git makes them for commits (see ssh-keygen(1), "ALLOWED SIGNERS")."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from finetrail.errors import WorkspaceError

NAMESPACE = "finetrail"
"""What is signed with it stands for nothing else: not for a commit, nor for a login."""


def sign(message: str, key: str) -> str:
    """Sign a message. Args: key: the file of a private key, or of a public one whose private one an agent has.

    Raises:
        WorkspaceError: ssh-keygen is not installed, or cannot use the key.
    """
    with TemporaryDirectory(prefix="finetrail-signed-") as folder:
        file = Path(folder) / "message"
        file.write_text(message, encoding="utf-8")
        done = _keygen("sign", "-f", str(Path(key).expanduser()), "-n", NAMESPACE, str(file))
        if done.returncode:
            said = " ".join(done.stderr.split())
            raise WorkspaceError(
                f"the entry cannot be signed with {key} ({said}); correct git's user.signingkey, or `git config "
                "finetrail.sign false`"
            )
        return file.with_name("message.sig").read_text(encoding="ascii")


def signer(message: str, signature: str, allowed: Path) -> str | None:
    """Who signed a message, as an allowed-signers file names them; None if nobody in it did.

    Args:
        signature: as `sign` returned it.
        allowed: the file; see ssh-keygen(1).

    Raises:
        WorkspaceError: ssh-keygen is not installed, or there is no such file.
    """
    if not allowed.is_file():
        raise WorkspaceError(f"{allowed} does not exist; correct git's gpg.ssh.allowedSignersFile, or unset it")
    with TemporaryDirectory(prefix="finetrail-signed-") as folder:
        file = Path(folder) / "signature"
        file.write_text(signature, encoding="utf-8")
        named = _keygen("find-principals", "-f", str(allowed), "-s", str(file))
        if named.returncode:
            return None
        who = named.stdout.splitlines()[0]
        checked = ("-f", str(allowed), "-I", who, "-n", NAMESPACE, "-s", str(file))
        done = _keygen("verify", *checked, said=message)
        return who if done.returncode == 0 else None


def _keygen(action: str, *arguments: str, said: str = "") -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", action, *arguments],
            input=said,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError as error:
        raise WorkspaceError(
            "ssh-keygen is not installed, and entries of the ledger are to be signed or checked; install OpenSSH, or "
            "unset git's finetrail.sign and gpg.ssh.allowedSignersFile"
        ) from error
