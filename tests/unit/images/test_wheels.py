from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from lab.errors import StepError, UsageError
from lab.images import cache, wheels

if TYPE_CHECKING:
    from pathlib import Path


def archive(size: int = 1) -> bytes:
    """A wheel that holds so much."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(zipfile.ZipInfo("app/__init__.py"), bytes(size))
    return buffer.getvalue()


WHEEL = archive()
HASH = f"--hash=sha256:{hashlib.sha256(WHEEL).hexdigest()}"
PIN = f"app==1 {HASH}\n".encode()

# Stands in for Python with pip: notes how it was called, and does what is asked of it.
PYTHON = """#!/bin/sh
case "$*" in
  *"pip --disable-pip-version-check --no-input config list"*)
    cat "{config}"; exit 0;;
  *" download "*) verb=download;;
  *) verb=install;;
esac
{{ echo "$*"; pwd; ls -A; cat requirements.txt; env; }} >"{log}.$verb"
while [ "$#" -gt 1 ]; do
  case $1 in
    --dest) mkdir -p "$2"; cp "{wheel}" "$2/app-1-py3-none-any.whl";;
    --target) mkdir -p "$2/app"; touch "$2/app/__init__.py";;
  esac
  shift
done
"""


class Pip:
    """What the stand-in was told."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config"
        self.config.touch()
        self.log = folder / "log"
        self.wheel = folder / "wheel"
        self.wheel.write_bytes(WHEEL)

    def said(self, verb: str) -> list[str]:
        return self.log.with_suffix(f".{verb}").read_text().splitlines()

    def forget(self) -> None:
        for verb in ("download", "install"):
            self.log.with_suffix(f".{verb}").unlink()


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    made = Pip(tmp_path)
    program = tmp_path / "python"
    program.write_text(PYTHON.format(config=made.config, log=made.log, wheel=made.wheel))
    program.chmod(0o755)
    monkeypatch.setattr(wheels, "_PIP", (str(program), *wheels._PIP[1:]))  # noqa: SLF001
    return made


def fetched() -> list[str]:
    with wheels.unpacked(PIN, lambda _: None) as root:
        return [path.name for path in root.iterdir()]


def test_pip_never_runs_from_the_current_directory() -> None:
    assert wheels._PIP[:5] == (sys.executable, "-E", "-P", "-m", "pip")  # noqa: SLF001


def test_pip_gets_labs_own_file_in_an_empty_directory_and_no_variables(
    pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    assert fetched() == ["app"]
    for verb in ("download", "install"):
        command, directory, *said = pip.said(verb)
        assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(command.split())
        assert directory.startswith(str(cache.directory()))
        assert said[:2] == ["requirements.txt", f"app==1 {HASH}"]
        assert "PIP_CONFIG_FILE=/dev/null" in said
        assert not [line for line in said if line.startswith(("TOKEN", "PIP_NO", "PYTHON"))]


def test_where_packages_come_from_is_the_callers_setting_and_nothing_else_is(
    pip: Pip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    pip.config.write_text(
        "global.index-url='https://me:secret@mirror.example/simple'\n"
        "global.extra-index-url='https://a.example https://b.example'\n"
        "global.find-links='here https://c.example'\n"
        "global.no-binary=':all:'\n"
        "global.target='/'\n"
        "install.timeout='5'\n"
        ":env:.timeout='60'\n"
        "uninstall.proxy='x'\n"
    )
    fetched()
    command, *said = pip.said("download")
    assert "secret" not in command
    found = {line for line in said if line.startswith(("PIP_", "HTTPS_PROXY"))}
    assert found == {
        "PIP_CONFIG_FILE=/dev/null",
        "PIP_INDEX_URL=https://me:secret@mirror.example/simple",
        "PIP_EXTRA_INDEX_URL=https://a.example https://b.example",
        f"PIP_FIND_LINKS={tmp_path}/here https://c.example",
        "PIP_TIMEOUT=60",
        "HTTPS_PROXY=http://proxy.example:3128",
    }
    installed = {line for line in pip.said("install") if line.startswith("PIP_")}
    assert installed == {"PIP_CONFIG_FILE=/dev/null"}
    assert "--no-index" in pip.said("install")[0]


def test_cached_wheels_are_held_against_their_pins_each_time(pip: Pip) -> None:
    fetched()
    pip.forget()
    fetched()
    with pytest.raises(FileNotFoundError):
        pip.said("download")
    (cached,) = cache.directory().glob("wheels/*/app-1-py3-none-any.whl")
    cached.write_text("another")
    fetched()
    assert pip.said("download")
    assert cached.read_bytes() == WHEEL


def test_wheels_that_hold_too_much_are_not_unpacked(
    pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "MAX_BYTES", 0)
    with pytest.raises(StepError, match="the wheels hold more than"):
        fetched()
    assert pip.said("download")
    with pytest.raises(FileNotFoundError):
        pip.said("install")


def test_what_is_no_pin_never_reaches_pip(pip: Pip) -> None:
    with (
        pytest.raises(UsageError, match=r"^requirements\.txt cannot be used$"),
        wheels.unpacked(b"-r /etc/passwd\n", lambda _: None),
    ):
        pass
    assert not pip.log.with_suffix(".download").exists()


def test_nothing_but_the_cached_wheels_is_left(pip: Pip) -> None:
    fetched()
    assert pip.said("install")
    assert [path.name for path in cache.directory().iterdir()] == ["wheels"]


def test_without_pip_the_hint_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho No module named pip; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(wheels, "_PIP", (str(program),))
    with pytest.raises(StepError) as caught:
        fetched()
    assert caught.value.hint.startswith("install pip")
