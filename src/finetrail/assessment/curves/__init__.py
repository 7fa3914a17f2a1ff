"""A metric as contents are changed ever more strongly: what robustness and attacks have in common."""
