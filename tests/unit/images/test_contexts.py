from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from lab.errors import UsageError
from lab.images import contexts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Containerfile").write_text("FROM scratch\n")
    return tmp_path


def test_equal_contexts_give_equal_bytes_whatever_their_times_and_umask(tmp_path: Path) -> None:
    archives = []
    for name, mode in (("one", 0o600), ("two", 0o664)):
        directory = tmp_path / name
        directory.mkdir()
        for file in ("Containerfile", "b", "a"):
            (directory / file).write_text(file)
            (directory / file).chmod(mode)
        archives.append(contexts.write_tar(contexts.load(str(directory), {})))
    assert archives[0] == archives[1]


def test_a_tar_keeps_contents_executables_and_links(context: Path) -> None:
    (context / "run").write_bytes(b"#!")
    (context / "run").chmod(0o700)
    (context / "link").symlink_to("run")
    written = contexts.write_tar(contexts.load(str(context), {}))
    with tarfile.open(fileobj=io.BytesIO(written)) as archive:
        entries = archive.getmembers()
    assert [(entry.name, entry.mode, entry.linkname) for entry in entries] == [
        ("Containerfile", 0o644, ""),
        ("link", 0o644, "run"),
        ("run", 0o755, ""),
    ]


def test_a_template_is_filled_in_and_loses_its_suffix(context: Path) -> None:
    (context / "app.yaml.tmpl").write_text("retries: ${RETRIES}, price: $$1\n")
    files = contexts.load(str(context), {"RETRIES": "2"})
    assert files["app.yaml"].content == b"retries: 2, price: $1\n"
    assert "app.yaml.tmpl" not in files


def test_a_template_without_its_argument_names_both(context: Path) -> None:
    (context / "app.yaml.tmpl").write_text("${RETRIES}")
    with pytest.raises(UsageError, match=r"app\.yaml\.tmpl needs the build argument RETRIES"):
        contexts.load(str(context), {})


def test_a_template_with_a_stray_dollar_is_refused_with_the_remedy(context: Path) -> None:
    (context / "app.yaml.tmpl").write_text("costs 5$ ")
    with pytest.raises(UsageError, match="not a usable template") as caught:
        contexts.load(str(context), {})
    assert "$$" in caught.value.hint


def test_caches_of_tools_are_not_part_of_a_context(context: Path) -> None:
    for folder in ("__pycache__", ".git"):
        (context / folder).mkdir()
        (context / folder / "file").write_text("x")
    assert list(contexts.load(str(context), {})) == ["Containerfile"]


def test_a_context_without_a_containerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no Containerfile"):
        contexts.load(str(tmp_path), {})


def test_a_missing_context_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere is not a directory"):
        contexts.load(str(tmp_path / "nowhere"), {})


@pytest.mark.parametrize("shipped", ["services", "envoy", "prometheus"])
def test_the_contexts_that_ship_with_lab_are_found(shipped: str) -> None:
    assert (contexts.locate(shipped) / "Containerfile").is_file()
