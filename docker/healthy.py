"""Check that a server responds, for health checks: exits with 0 if it does. The image has no curl.

python docker/healthy.py http://127.0.0.1:5000/health
"""

import sys
from urllib.request import urlopen

if __name__ == "__main__":
    with urlopen(sys.argv[1], timeout=5):  # noqa: S310  (the address comes from compose.yaml)
        pass
