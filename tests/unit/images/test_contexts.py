from __future__ import annotations

import errno
import io
import os
import socket
import tarfile
from typing import TYPE_CHECKING

import pytest

from lab.errors import UsageError
from lab.images import contexts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Containerfile").write_text("FROM ${BASE}\n")
    return tmp_path


def test_equal_contexts_give_equal_bytes_whatever_their_times_and_umask(tmp_path: Path) -> None:
    archives = []
    for name, mode in (("one", 0o600), ("two", 0o664)):
        directory = tmp_path / name
        directory.mkdir()
        for file in ("Containerfile", "b", "a"):
            (directory / file).write_text("FROM ${BASE}\n")
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


OUTSIDE = "is a symbolic link out of it, to"
ITSELF = "is a symbolic link, where lab needs the file itself"


@pytest.mark.parametrize(
    ("name", "target", "fault"),
    [
        ("passwords", "/etc/passwd", f"{OUTSIDE} /etc/passwd"),
        ("folder", "/etc", f"{OUTSIDE} /etc"),
        ("up", "..", f"{OUTSIDE} .."),
        ("beside", "../secret", f"{OUTSIDE} ../secret"),
        ("sub/up", "../..", f"{OUTSIDE} ../.."),
        ("there and back", "../context/Containerfile.real", ""),
        ("missing", "../nowhere", f"{OUTSIDE} ../nowhere"),
        # Inside as text, but `sub/top` stands for the context's directory.
        ("winding", "sub/top/../secret", f"{OUTSIDE} sub/top/../secret"),
        ("by its whole name", "{context}/Containerfile.real", f"{OUTSIDE} {{context}}"),
        ("Containerfile", "Containerfile.real", ITSELF),
        ("Dockerfile", "/etc/shadow", ITSELF),
        ("requirements.txt", "Containerfile.real", ITSELF),
        ("app.yaml.tmpl", "Containerfile.real", ITSELF),
    ],
)
def test_a_link_that_leads_out_or_that_lab_would_read_is_refused(
    tmp_path: Path, name: str, target: str, fault: str
) -> None:
    context = tmp_path / "context"
    (context / "sub").mkdir(parents=True)
    (context / "sub" / "top").symlink_to("..")
    (context / "Containerfile.real").write_text("FROM ${BASE}\n")
    (tmp_path / "secret").write_text("secret")
    if name != "Containerfile":
        (context / "Containerfile").write_text("FROM ${BASE}\n")
    (context / name).symlink_to(target.format(context=context))
    if not fault:
        assert contexts.load(str(context), {})[name].link == target
        return
    with pytest.raises(UsageError, match=r"context cannot be used$") as caught:
        contexts.load(str(context), {})
    (detail,) = caught.value.details
    assert detail.startswith(f"{name} {fault.format(context=context)}")


def test_links_within_a_context_stay_links_and_are_never_followed(context: Path) -> None:
    (context / "data").mkdir()
    (context / "data" / "file").write_text("x")
    links = {
        "folder": "data",
        "data/back": "../Containerfile",
        "dangling": "nobody",
        "loop": "loop",
    }
    for name, target in links.items():
        (context / name).symlink_to(target)
    files = contexts.load(str(context), {})
    assert {path: file.link for path, file in files.items() if file.link} == links
    assert set(files) == {"Containerfile", "data/file", *links}


def test_a_context_reached_through_a_link_is_judged_by_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "Containerfile").write_text("FROM ${BASE}\n")
    (tmp_path / "real" / "same").symlink_to("Containerfile")
    (tmp_path / "context").symlink_to("real")
    files = contexts.load(str(tmp_path / "context"), {})
    assert files["same"].link == "Containerfile"


def test_a_huge_context_is_refused_unread(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("half", "other half"):
        (context / name).touch()
        os.truncate(context / name, contexts.MAX_BYTES // 2)
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda path: pytest.fail(f"{path} was read"))
    with pytest.raises(UsageError) as caught:
        contexts.load(str(context), {})
    assert caught.value.details == ("the files up to other half are larger than 256 MiB together",)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_no_file_is_refused_without_waiting_for_it(context: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(context / kind)
    else:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(f"{context}/{kind}")
    with pytest.raises(UsageError) as caught:
        contexts.load(str(context), {})
    assert caught.value.details == (f"{kind} is neither a file, a directory nor a symbolic link",)


@pytest.mark.parametrize("name", [".tmpl", "..tmpl", "...tmpl"])
def test_no_template_becomes_a_directory(context: Path, name: str) -> None:
    (context / "sub").mkdir()
    (context / "sub" / name).write_text("x")
    with pytest.raises(UsageError) as caught:
        contexts.load(str(context), {})
    assert caught.value.details == (f"sub/{name} is a template of a file without a name",)


def test_a_name_that_is_no_text_is_refused(context: Path) -> None:
    (context / os.fsdecode(b"\xff")).touch()
    with pytest.raises(UsageError) as caught:
        contexts.load(str(context), {})
    assert caught.value.details == ("\udcff has a name that is not UTF-8",)


def test_all_that_is_wrong_with_a_context_is_said_at_once(context: Path) -> None:
    (context / "one").symlink_to("/etc")
    os.mkfifo(context / "two")
    with pytest.raises(UsageError) as caught:
        contexts.load(str(context), {})
    assert [line.split()[0] for line in caught.value.details] == ["one", "two"]


@pytest.mark.parametrize("failing", ["os.scandir", "pathlib.Path.lstat", "lab.files.read"])
def test_what_cannot_be_read_is_named(
    context: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "some/path")

    def refuse(*_: object) -> None:
        raise refused

    monkeypatch.setattr(failing, refuse)
    with pytest.raises(UsageError, match=r"^some/path cannot be read: Permission denied$"):
        contexts.load(str(context), {})


@pytest.mark.parametrize("shipped", ["services", "envoy", "prometheus"])
def test_the_contexts_that_ship_with_lab_are_found(shipped: str) -> None:
    assert (contexts.locate(shipped) / "Containerfile").is_file()
