"""One file a task, under its Hugging Face name."""
