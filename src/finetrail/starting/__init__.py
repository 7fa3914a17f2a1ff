"""From a user's file or folder to a params.yaml: what it holds, which task that is, and the recipe to start from."""
