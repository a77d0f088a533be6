"""A headless Chromium that is told what to do over a pipe.

The protocol: https://chromedevtools.github.io/devtools-protocol/. With --remote-debugging-pipe
the browser reads commands from file 3 and writes answers and events to file 4, as JSON that
ends with a zero byte.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "chromium-headless", "google-chrome")
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # root may not have one, and the pages are our own
    "--disable-gpu",
    "--disable-background-networking",
    "--hide-scrollbars",
)
CHUNK = 65536
START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""Becomes the browser, with the pipes where it looks for them; shells know files up to 9."""

Message = dict[str, Any]


class Page:
    """The browser's one page, and the events that it has sent."""

    def __init__(self, commands: int, answers: int) -> None:
        self.events: list[Message] = []
        self._commands = commands
        self._answers = answers
        self._received = b""
        self._count = 0
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> Message:
        """Give a command and return its result."""
        self._count += 1
        message: Message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            received = self._read()
            if received.get("id") == self._count:
                assert "error" not in received, f"{method}: {received['error']}"
                result: Message = received["result"]
                return result
            self.events.append(received)

    def open(self, page: Path | str, *, scheme: str, width: int) -> None:
        """Show a file or a URL, in a light or dark colour scheme and this many pixels wide."""
        self.events.clear()
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        while not self.named("Page.loadEventFired"):
            self.events.append(self._read())

    def named(self, *methods: str) -> list[Message]:
        """The parameters of the events of these kinds since the page was opened."""
        return [event["params"] for event in self.events if event.get("method") in methods]

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - whatever the expression gives
        """The value of a JavaScript expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Write a picture of what can be seen."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _read(self) -> Message:
        while b"\0" not in self._received:
            chunk = os.read(self._answers, CHUNK)
            assert chunk, "the browser has ended"
            self._received += chunk
        text, _, self._received = self._received.partition(b"\0")
        message: Message = json.loads(text)
        return message


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Start the browser with a profile of its own, and end it."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    assert program, "no Chromium is installed: scripts/system-packages.sh tests installs it"
    its_commands, commands = os.pipe()
    answers, its_answers = os.pipe()
    files = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 10) for file in (its_commands, its_answers)]
    words = (*map(str, files), program, *FLAGS, f"--user-data-dir={profile}")
    process = subprocess.Popen(
        [sys.executable, "-c", START, *words],
        pass_fds=files,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for file in (its_commands, its_answers, *files):
        os.close(file)
    try:
        yield Page(commands, answers)
    finally:
        process.terminate()
        process.wait()
        os.close(commands)
        os.close(answers)
