"""`finetrail review`: a person goes through the suspects of `assess.labels`, and decides."""
