"""Which of several models is best in a domain without labels."""
