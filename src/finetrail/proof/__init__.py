"""Proof that a registered version is what it says: the round trip, the recorded lineage, and the walk along it."""
