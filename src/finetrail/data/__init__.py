"""Data: sources, manifest, validation rules, splits and leakage."""
