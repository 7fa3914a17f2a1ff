"""`finetrail compare`: all candidates in one table and one page."""
