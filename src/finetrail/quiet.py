"""What the environment says to libraries before they are imported, unless the user's own says something else."""

import os


def quiet_libraries() -> None:
    """No telemetry, no chatter, no spinning threads."""
    for name, value in {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_VERBOSITY": "error",
        "TRANSFORMERS_VERBOSITY": "error",
        "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        # It prints the registry's address, with the password in it.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "TQDM_DISABLE": "1",  # such as the bars of transformers over the tensors of a .gguf file
        "DO_NOT_TRACK": "true",
        # Waiting threads sleep instead of spinning: training small heads beside other work is 3x faster.
        "OMP_WAIT_POLICY": "passive",
    }.items():
        os.environ.setdefault(name, value)
