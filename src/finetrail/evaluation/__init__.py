"""Metrics, bootstrap intervals, selection and the report: the parts that all targets share."""
