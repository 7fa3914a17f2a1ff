"""What finds objects on a feature pyramid: one detector a file, and a table of them. Each has a head, its loss and how
its outputs are read. The loss of an image depends on nothing but that image, and nothing is drawn at random.
"""
