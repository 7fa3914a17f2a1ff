"""The code inside a registered model."""
