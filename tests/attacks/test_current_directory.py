"""`lab` in a directory of a stranger's imports nothing from there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

MODULES = (
    *("yaml", "rich", "msgspec", "httptools", "typer", "click", "uvloop", "podman"),
    *("json", "signal", "socket", "shutil", "pathlib", "contextlib", "subprocess", "difflib"),
)


@pytest.mark.attack("8.16: modules in the current directory under the names of lab's own")
@pytest.mark.parametrize("arguments", [["--help"], ["show", "direct"], ["show", "none.yaml"]])
def test_python_m_lab_imports_nothing_from_where_it_runs(
    tmp_path: Path, arguments: list[str]
) -> None:
    # Those that Python itself has imported when lab begins are not lab's to protect.
    loaded = subprocess.run(
        [sys.executable, "-c", "import runpy, sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    mark = tmp_path / "mark"
    for name in set(MODULES) - set(loaded):
        (tmp_path / f"{name}.py").write_text(f"open({str(mark)!r}, 'w').write(__name__)")
    done = subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert not mark.exists(), mark.read_text()
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if "none.yaml" in arguments else 0)
