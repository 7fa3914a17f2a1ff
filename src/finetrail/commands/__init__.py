"""What a person asks for between two runs of the pipeline. These may read live state; stages may not."""
