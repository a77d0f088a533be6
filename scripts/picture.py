"""Runs the demo in a terminal of its own and draws what stands there at its end.

Run as `make picture`, which writes docs/img/demo.svg.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "img" / "demo.svg"
COLUMNS, ROWS = 100, 50

CONTROL = re.compile(r"\r|\n|\x1b\[(?P<up>\d+)A|(?P<erase>\x1b\[2K)|\x1b\[\?\d+[hl]")
"""What Rich's live displays use beside colours: up, erase the line, show or hide the cursor."""

# Rich's own template loads a font from the network; here the reader's monospace one serves, and
# every run of text has its length set.
TEMPLATE = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>What make demo prints</title>
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px;
}}
.{unique_id}-title {{ font: bold 18px sans-serif }}
{styles}
</style>
<defs>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def record(command: list[str]) -> str:
    """All that a command writes to a terminal; raises CalledProcessError when it fails."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with subprocess.Popen(  # noqa: S603 - the command is this file's own
        command, stdin=its, stdout=its, stderr=its, cwd=ROOT, env=environment
    ) as process:
        os.close(its)
        written = bytearray()
        while chunk := _read(ours):
            written += chunk
    os.close(ours)
    if process.returncode:
        sys.stderr.write(written.decode())
        raise subprocess.CalledProcessError(process.returncode, command)
    return written.decode()


def settle(written: str) -> list[str]:
    """The lines that stand on a terminal in the end, with their colours."""
    lines = [""]
    row = last = 0
    for control in CONTROL.finditer(written):
        lines[row] += written[last : control.start()]
        last = control.end()
        if control["up"]:
            row = max(0, row - int(control["up"]))
        elif control["erase"]:
            lines[row] = ""
        elif control[0] == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
    lines[row] += written[last:]
    return lines


def draw(lines: list[str], title: str) -> str:
    """An SVG of a terminal that holds these lines."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), color_system="truecolor")
    for line in lines:
        console.print(Text.from_ansi(line), overflow="fold")
    return console.export_svg(
        title=title, theme=SVG_EXPORT_THEME, code_format=TEMPLATE, unique_id="demo"
    )


def main() -> None:
    """Write the picture."""
    lines = settle(record(["scripts/demo.sh"]))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw(lines, "make demo"), encoding="utf-8")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the last program that had the terminal open is gone
        return b""


if __name__ == "__main__":
    main()
