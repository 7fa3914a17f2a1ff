"""Label errors: which labels of training and validation rows are probably wrong."""
