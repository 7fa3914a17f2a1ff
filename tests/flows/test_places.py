"""What a worker offers to its runs, by its environment."""

import pytest

from flows.places import Places


@pytest.mark.parametrize(
    ("tracking", "page"),
    [
        ("http://mlflow:5000", "http://mlflow:5000"),
        ("https://worker:password@mlflow.example/path", "https://mlflow.example/path"),
        ("postgresql+psycopg2://finetrail:password@postgres:5432/mlflow", None),
        ("sqlite:////tmp/mlflow.db", None),
    ],
)
def test_a_link_to_mlflow_has_no_password(monkeypatch: pytest.MonkeyPatch, tracking: str, page: str | None) -> None:
    """Links are kept in Prefect's artifacts, for everybody."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    monkeypatch.delenv("FINETRAIL_MLFLOW_PAGE", raising=False)
    assert Places.from_environment().mlflow_page == page
    monkeypatch.setenv("FINETRAIL_MLFLOW_PAGE", "http://127.0.0.1:5000")
    assert Places.from_environment().mlflow_page == "http://127.0.0.1:5000"
