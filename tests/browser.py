"""Pages in a real browser: Debian's chromium, headless and cut off from the net."""

import base64
import io
import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from websockets.sync.client import connect
from websockets.sync.connection import Connection

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --window-size=1200,1600"
).split()
DARK = ["--blink-settings=preferredColorScheme=0"]
PHONE = 390
"""Pixels across a phone."""


def browse(
    chromium: str, address: str, tmp_path: Path, *, wait_ms: int = 2000, flags: Sequence[str] = ()
) -> tuple[str, Image.Image]:
    """Open a page; return its document after the scripts ran, and an image of it."""
    file = tmp_path / "page.png"
    file.unlink(missing_ok=True)
    command = [chromium, *FLAGS, *flags, f"--user-data-dir={tmp_path / 'profile'}", f"--virtual-time-budget={wait_ms}"]
    command += ["--dump-dom", f"--screenshot={file}", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    with Image.open(file) as image:
        return done.stdout, image.convert("RGB")


def width_on_a_phone(chromium: str, page: Path, tmp_path: Path) -> int:
    """How many pixels wide the document of a page is in a frame of `PHONE` pixels: more means that it overflows."""
    host = tmp_path / "phone.html"
    script = "document.title = document.querySelector('iframe').contentDocument.documentElement.scrollWidth"
    host.write_text(
        f'<iframe src="{page.as_uri()}" style="border:0;width:{PHONE}px;height:800px" onload="{script}"></iframe>'
    )
    document, _ = browse(chromium, host.as_uri(), tmp_path, flags=["--allow-file-access-from-files"])
    found = re.search(r"<title>(\d+)</title>", document)
    assert found is not None, document[:500]
    return int(found[1])


def brightness(image: Image.Image) -> float:
    """The mean of all pixels, 0 for black to 255 for white."""
    grey = image.convert("L").resize((1, 1))
    value = grey.getpixel((0, 0))
    assert isinstance(value, int | float)
    return float(value)


def colours(image: Image.Image) -> int:
    """How many colours an image has: a blank or unstyled page has a handful of greys."""
    return len(image.getcolors(maxcolors=2**24) or [])


class Tab:
    """A page that a test can use as a person does, over the browser's own protocol (CDP)."""

    def __init__(self, socket: Connection, session: str) -> None:
        self._socket, self._session = socket, session
        self._last = 0

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        self._last += 1
        asked = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        self._socket.send(json.dumps(asked))
        while True:
            said = json.loads(self._socket.recv(timeout=60))
            if said.get("id") == self._last:
                assert "error" not in said, said
                found: dict[str, Any] = said["result"]
                return found

    def value(self, script: str) -> Any:
        """What a script says."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until a script says true."""
        for _ in range(200):
            if self.value(script):
                return
            time.sleep(0.05)
        raise AssertionError(f"it never came true: {script}")

    def press(self, key: str) -> None:
        """Press a key, such as `k` or `Enter`."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text: str) -> None:
        """Type into the field that has the focus."""
        self.call("Input.insertText", text=text)

    def image(self, width: int, *, dark: bool = False) -> Image.Image:
        """What a window of that width shows."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=1400, deviceScaleFactor=1, mobile=False)
        shot = self.call("Page.captureScreenshot", format="png")
        with Image.open(io.BytesIO(base64.b64decode(shot["data"]))) as image:
            return image.convert("RGB")


@contextmanager
def opened(chromium: str, address: str, tmp_path: Path) -> Iterator[Tab]:
    """A tab with a page, for as long as the block runs."""
    profile = tmp_path / "profile"
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            listening = profile / "DevToolsActivePort"
            for _ in range(400):
                if listening.exists() and len(listening.read_text().splitlines()) == 2:
                    break
                time.sleep(0.05)
            port, path = listening.read_text().splitlines()
            with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as socket:
                browser = Tab(socket, "")
                target = browser.call("Target.createTarget", url=address)["targetId"]
                session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
                tab = Tab(socket, session)
                tab._last = browser._last
                tab.wait("location.href !== 'about:blank' && document.readyState === 'complete'")
                yield tab
        finally:
            process.terminate()
            process.wait(timeout=30)
