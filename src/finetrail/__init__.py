"""Fine-tuning with an audit trail: DVC owns the bytes, MLflow shows the runs, every model leads back to its data."""

__version__ = "0.1.0"
