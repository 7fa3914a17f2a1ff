"""What is said never says a secret."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.redaction import without_secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at postgresql://me:hunter2@host/db now", "at postgresql://host/db now"),
        ("'https://ghp_abcdef@example.org/a.csv'", "'https://example.org/a.csv'"),
        ("s3://bucket/x?X-Amz-Signature=abc&part=2", "s3://bucket/x?X-Amz-Signature=***&part=2"),
        ("https://example.org/a.csv?access_token=abc", "https://example.org/a.csv?access_token=***"),
        ("hf://gpt2@main", "hf://gpt2@main"),
        ("hf://owner/name@main", "hf://owner/name@main"),
        ("models:/toy@champion", "models:/toy@champion"),
        ("me@example.org", "me@example.org"),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    assert without_secrets(text) == expected


@given(
    st.from_regex(r"[A-Za-z0-9_.~-]{1,30}", fullmatch=True), st.from_regex(r"[A-Za-z0-9_.~:@-]{9,30}", fullmatch=True)
)
def test_no_password_stays_in_an_address(user: str, password: str) -> None:
    assert password not in without_secrets(f"cannot reach mlflow://{user}:{password}@host.example/path of it")


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_TOKEN", "HF_TOKEN", "MY_API_KEY"])
def test_values_that_the_environment_calls_secret(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "planted-secret")
    assert without_secrets("denied for planted-secret, try again") == "denied for ***, try again"


def test_an_error_of_the_command_line_says_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from finetrail.cli.console import one_line_errors
    from finetrail.locations import locate

    monkeypatch.delenv("FINETRAIL_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        one_line_errors(locate)("https://me:hunter2@example.org/a.csv?token=planted", tmp_path)
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert "https://example.org/a.csv?token=***" in said.err
    assert not [word for word in ("hunter2", "planted") if word in said.out + said.err]
