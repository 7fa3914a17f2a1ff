"""`finetrail suggest`: candidates that suit the data, the backbone, the machine and a budget of minutes."""
