"""Networks of torchvision, timm and transformers, without their heads."""
