"""The stages: files in, files out. Each is one function that dvc.yaml runs through its command."""
