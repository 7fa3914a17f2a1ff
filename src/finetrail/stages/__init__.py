"""The stages: files in, files out. Each is one function; dvc.yaml runs it through its command."""
