"""Pages in a real browser: Debian's chromium, headless and cut off from the net."""

import subprocess
from pathlib import Path

from PIL import Image

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --window-size=1200,1600"
).split()


def browse(
    chromium: str, address: str, tmp_path: Path, *, wait_ms: int = 2000, height: int = 1600
) -> tuple[str, Image.Image]:
    """Open a page; return its document after the scripts ran, and an image of it."""
    file = tmp_path / "page.png"
    file.unlink(missing_ok=True)
    command = [chromium, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"--virtual-time-budget={wait_ms}"]
    command += ["--dump-dom", f"--screenshot={file}", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    with Image.open(file) as image:
        return done.stdout, image.convert("RGB")


def colours(image: Image.Image) -> int:
    """How many colours an image has: a blank or unstyled page has a handful of greys."""
    return len(image.getcolors(maxcolors=2**24) or [])
