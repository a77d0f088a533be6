"""The bytecode written into the images is complete and reproducible."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.conftest import Start
from tests.services.processes import PATIENCE, SERVICES

UNCHECKED_HASH = (1).to_bytes(4, "little")


def precompile(module: str, target: Path, hash_seed: int = 0) -> dict[Path, bytes]:
    """Write bytecode below a folder, not beside the sources, and return it."""
    subprocess.run(
        [sys.executable, SERVICES / "precompile.py", module],
        env={
            "PYTHONPYCACHEPREFIX": str(target),
            "PYTHONHASHSEED": str(hash_seed),
            "PYTHONDONTWRITEBYTECODE": "1",  # as in the image: nothing else writes bytecode
        },
        timeout=PATIENCE,
        check=True,
    )
    return {path.relative_to(target): path.read_bytes() for path in target.rglob("*.pyc")}


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (precompile("service_a", tmp_path / str(i), hash_seed=i) for i in range(2))
    assert len(first) > 100
    assert first == second


def test_the_interpreter_is_told_not_to_check_sources(tmp_path: Path) -> None:
    flags = {code[4:8] for code in precompile("service_b", tmp_path).values()}
    assert flags == {UNCHECKED_HASH}


@pytest.mark.parametrize("name", ["service_a", "service_b"])
def test_neither_start_nor_requests_compile_anything(
    start: Start, tmp_path: Path, name: str
) -> None:
    precompile(name, tmp_path)
    service = start(
        name,
        "-v",
        PYTHONPYCACHEPREFIX=tmp_path,
        PYTHONDONTWRITEBYTECODE=1,
        UPSTREAM_SERVICE="http://localhost:9",
    )
    service.get()
    service.counted()
    assert service.stop() == 0
    loaded = re.findall(r"^# code object from '?(.*?)'?$", service.stderr, re.MULTILINE)
    assert len(loaded) > 100
    compiled = [path for path in loaded if not path.endswith(".pyc")]
    # It is three lines long, and puts a frozen module in its own place.
    assert [path for path in compiled if not path.endswith("collections/abc.py")] == []


def test_a_module_that_does_not_exist_is_an_error() -> None:
    done = subprocess.run(
        [sys.executable, SERVICES / "precompile.py", "service_x"],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
