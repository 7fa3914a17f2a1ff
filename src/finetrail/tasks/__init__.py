"""One file a task, registered under its Hugging Face name."""
