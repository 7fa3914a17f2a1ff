"""What a trained model is worth besides its score: each part is a section of `assess` in params.yaml."""
