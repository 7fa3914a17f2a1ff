"""Images: reading, rules, near duplicates, preprocessing, backbones, export."""
