"""Proof that a registered version is what it says: round trip, recorded lineage, the walk along it, a rebuild."""
