"""The engine of the rules; the rules of a kind stand in its own folder."""
