"""The test report: a page of sections."""
