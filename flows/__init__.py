"""When and where the pipeline runs: Prefect flows around `dvc repro`. The only place that imports prefect."""
