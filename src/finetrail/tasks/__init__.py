"""One file a kind of content; the tasks on it are registered under their Hugging Face names."""
