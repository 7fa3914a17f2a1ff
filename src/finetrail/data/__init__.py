"""Data on its way to training: sources, store, validation, near duplicates, splits."""
