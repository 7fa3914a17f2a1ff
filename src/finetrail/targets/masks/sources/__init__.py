"""Where masks are: COCO's JSON, files named in metadata, and files beside their images, one module a form."""
