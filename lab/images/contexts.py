"""A build context as data: which files podman gets, byte for byte.

A context is read from a directory, its ``*.tmpl`` files are filled in, and it is written as a
tar without times, owners or umask, so that equal contexts are equal bytes on every machine.
"""

from __future__ import annotations

import hashlib
import io
import os
import string
import tarfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.topology.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONTAINERFILES = ("Containerfile", "Dockerfile")
TEMPLATE = ".tmpl"

_LEFT_OUT = frozenset({".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__"})


class File(Spec, frozen=True):
    """A file of a context: its content, or where it points to when it is a symbolic link."""

    content: bytes = b""
    executable: bool = False
    link: str = ""

    @property
    def digest(self) -> str:
        """Everything that an image can see of the file, as hexadecimal digits."""
        facts = f"{self.executable}\0{self.link}\0".encode()
        return hashlib.sha256(facts + self.content).hexdigest()


Files = dict[str, File]
"""A context: every file under its path relative to the context's directory."""


def locate(context: str) -> Path:
    """Return the directory of a context: the user's own, or one that ships with lab.

    Raises ``UsageError`` when it is not there.
    """
    package = Path(str(resources.files("lab")))
    shipped = (package / "_assets" / context, package.parent / context)
    candidates = (Path(context),) if Path(context).is_absolute() else shipped
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise UsageError(f"the build context {context} is not a directory")


def tree(directory: Path, keep: Callable[[str], bool] = lambda _: True) -> Files:
    """Read the files below a directory whose relative path ``keep`` accepts."""
    files: Files = {}
    for parent, folders, names in os.walk(directory):
        folders[:] = sorted(folder for folder in folders if folder not in _LEFT_OUT)
        links = [folder for folder in folders if Path(parent, folder).is_symlink()]
        for name in sorted((*names, *links)):
            path = Path(parent, name)
            relative = path.relative_to(directory).as_posix()
            if keep(relative):
                files[relative] = _read(path)
    return files


def _read(path: Path) -> File:
    if path.is_symlink():
        return File(link=str(path.readlink()))
    return File(content=path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))


def load(context: str, arguments: Mapping[str, str]) -> Files:
    """Read a context and fill ``${NAME}`` in its templates from the build arguments.

    Raises ``UsageError`` when the context is missing, has no Containerfile, or has a template
    that asks for an argument that is not given or cannot be filled in.
    """
    files: Files = {}
    for path, file in tree(locate(context)).items():
        if path.endswith(TEMPLATE):
            name = f"{context}/{path}"
            filled = File(content=_fill(name, file.content, arguments), executable=file.executable)
            files[path.removesuffix(TEMPLATE)] = filled
        else:
            files[path] = file
    containerfile(files, context)
    return files


def _fill(name: str, content: bytes, arguments: Mapping[str, str]) -> bytes:
    try:
        return string.Template(content.decode()).substitute(arguments).encode()
    except KeyError as missing:
        raise UsageError(f"{name} needs the build argument {missing.args[0]}") from missing
    except ValueError as broken:
        raise UsageError(
            f"{name} is not a usable template: {broken}", hint="write $$ for a plain $"
        ) from broken


def containerfile(files: Files, context: str) -> str:
    """Return the path of the Containerfile; raises ``UsageError`` when there is none."""
    for name in CONTAINERFILES:
        if name in files:
            return name
    raise UsageError(f"the build context {context} has no Containerfile")


def write_tar(files: Files) -> bytes:
    """Return the context as a tar archive: equal files, equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.mode = 0o755 if file.executable else 0o644
            if file.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, file.link
            entry.size = len(file.content)
            archive.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()
