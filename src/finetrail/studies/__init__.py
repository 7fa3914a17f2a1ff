"""What is shown of a study: its page, its section of the test report, and a sentence; all from study.json alone."""
