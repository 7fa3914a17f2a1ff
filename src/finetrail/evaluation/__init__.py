"""Metrics, intervals, calibration, selection and the report."""
