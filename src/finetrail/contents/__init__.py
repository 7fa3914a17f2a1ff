"""What a row holds: one folder a kind of content."""
