"""Registered versions: packing, aliases, and the ledger of what happened to them."""
