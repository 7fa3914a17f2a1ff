"""Where a flow finds the repository, the DVC cache, MLflow, and room of its own. Read from the environment, once."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parents[1]
"""The checkout that this flow's code is from."""


@dataclass(frozen=True)
class Places:
    """What a worker offers to its runs.

    Attributes:
        repository: what is cloned, by `FINETRAIL_REPOSITORY`: a folder or the address of a git server; the checkout
            that the flow's code is from by default.
        home: room for clones, checkpoints and locks of earlier runs, by `FINETRAIL_HOME`; `.finetrail` in the checkout
            by default.
        cache: DVC's cache, which all clones share, by `FINETRAIL_DVC_CACHE`; the repository's own by default.
        remote: the DVC remote to pull from and to push to, by `FINETRAIL_DVC_REMOTE`: an address such as
            `s3://bucket/path`; what the repository itself names by default, which may be none.
        tracking: MLflow's address, by `MLFLOW_TRACKING_URI`; the checkout's own database by default.
        mlflow_page: where a person sees MLflow's pages, by `FINETRAIL_MLFLOW_PAGE`; the tracking address by default,
            without the name and password that may stand in it, because links to it are kept.
    """

    repository: str
    home: Path
    cache: Path
    remote: str | None
    tracking: str
    mlflow_page: str | None

    @staticmethod
    def from_environment() -> "Places":
        """As the variables say; what they leave out is the repository's own, or the checkout's if it is elsewhere."""
        repository = os.environ.get("FINETRAIL_REPOSITORY") or str(CHECKOUT)
        own = Path(repository).resolve() if Path(repository).is_dir() else CHECKOUT
        home = Path(os.environ.get("FINETRAIL_HOME") or own / ".finetrail").resolve()
        tracking = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{own / '.finetrail' / 'mlflow' / 'mlflow.db'}"
        return Places(
            repository=repository,
            home=home,
            cache=Path(os.environ.get("FINETRAIL_DVC_CACHE") or own / ".dvc" / "cache").resolve(),
            remote=os.environ.get("FINETRAIL_DVC_REMOTE") or None,
            tracking=tracking,
            mlflow_page=os.environ.get("FINETRAIL_MLFLOW_PAGE") or _page(tracking),
        )


def _page(tracking: str) -> str | None:
    """The address of a tracking server as anybody may read it; None for a database."""
    parts = urlsplit(tracking)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts.scheme.startswith("http") else None
