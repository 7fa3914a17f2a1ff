"""One file a method of adaptation."""
