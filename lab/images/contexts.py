"""A build context as data: which files podman gets, byte for byte.

A context is read from a directory, its ``*.tmpl`` files are filled in, and it is written as a
tar without times, owners or umask, so that equal contexts are equal bytes on every machine.
Symbolic links are packed as links: lab reads nothing through them, and none may lead out.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import string
from pathlib import Path
from typing import TYPE_CHECKING

from lab import files
from lab.errors import UsageError
from lab.images import containerfiles
from lab.topology.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import NoReturn

    from lab.topology.spec import ImageSpec

CONTAINERFILES = ("Containerfile", "Dockerfile")
REQUIREMENTS = "requirements.txt"
"""A context that has this file gets its wheels in ``site-packages/``."""
TEMPLATE = ".tmpl"
CONFIGURATIONS = (".cfg", ".conf", ".toml", ".yaml", ".yml")
"""How the names of configuration files end."""
MAX_BYTES = 256 * 1024 * 1024
"""How much the files of a context may hold together: they are kept in memory."""

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
    package = Path(__file__).parents[1]
    shipped = (package / "_assets" / context, package.parent / context)
    candidates = (Path(context),) if Path(context).is_absolute() else shipped
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise UsageError(f"the build context {context} is not a directory")


def tree(directory: Path, keep: Callable[[str], bool] = lambda _: True) -> Files:
    """Read the files below a directory whose relative path ``keep`` accepts.

    Raises ``UsageError`` when one of them, or a directory, cannot be read.
    """
    files: Files = {}
    for path in _paths(directory):
        relative = path.relative_to(directory).as_posix()
        if keep(relative):
            try:
                files[relative] = _read(path)
            except OSError as error:
                _unreadable(error)
    return files


def _paths(directory: Path) -> Iterator[Path]:
    """Return all that is below a directory, but directories, in order; nothing behind links."""
    for parent, folders, names in os.walk(directory, onerror=_unreadable):
        folders[:] = sorted(folder for folder in folders if folder not in _LEFT_OUT)
        links = [folder for folder in folders if Path(parent, folder).is_symlink()]
        yield from (Path(parent, name) for name in sorted((*names, *links)))


def _unreadable(error: OSError) -> NoReturn:
    raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error


def _read(path: Path) -> File:
    if path.is_symlink():
        return File(link=str(path.readlink()))
    content = files.read(path, MAX_BYTES)
    return File(content=content, executable=bool(path.stat().st_mode & 0o100))


def load(context: str, arguments: Mapping[str, str]) -> Files:
    """Read a context and fill ``${NAME}`` in its templates from the build arguments.

    The Containerfile is as podman gets it (:mod:`lab.images.containerfiles`). Raises
    ``UsageError`` when the context is missing, has no Containerfile, holds too much or what
    cannot be packed, has a template that asks for an argument that is not given or cannot be
    filled in, or when an instruction or a requirement could reach beyond the build.
    """
    directory = locate(context)
    _check(directory)
    files: Files = {}
    for path, file in tree(directory).items():
        if path.endswith(TEMPLATE):
            name = f"{context}/{path}"
            filled = File(content=_fill(name, file.content, arguments), executable=file.executable)
            files[path.removesuffix(TEMPLATE)] = filled
        else:
            files[path] = file
    name = containerfile(files, context)
    normalized = containerfiles.normalized(files[name].content, f"{context}/{name}")
    files[name] = File(content=normalized)
    if Path(context).is_absolute() and REQUIREMENTS in files:
        # Imports for 15 ms, which lab's own contexts need not cost.
        from lab.images import requirements

        requirements.parse(files[REQUIREMENTS].content, f"{context}/{REQUIREMENTS}")
    return files


def configurations(image: ImageSpec) -> dict[str, str]:
    """The configuration files that are built into an image, as rendered, by their paths.

    None for an image that lab does not build. Raises like :func:`load`.
    """
    if image.build is None:
        return {}
    return {
        path: file.content.decode(errors="replace")
        for path, file in load(image.build.context, image.build.args).items()
        if path.endswith(CONFIGURATIONS) and not file.link
    }


def _check(directory: Path) -> None:
    """Raise ``UsageError`` for what no build should get, before any file is opened."""
    faults: list[str] = []
    total = 0
    for path in _paths(directory):
        try:
            found = path.lstat()
        except OSError as error:
            _unreadable(error)
        shown = path.relative_to(directory)
        if fault := _fault(path, found.st_mode, directory):
            faults.append(f"{shown} {fault}")
        total += found.st_size
        if total > MAX_BYTES:
            faults.append(f"the files up to {shown} are larger than {MAX_BYTES >> 20} MiB together")
            break
    if faults:
        raise UsageError(
            f"the build context {directory} cannot be used",
            hint="a context is a few plain files, and links from one to another",
            details=tuple(faults),
        )


def _fault(path: Path, mode: int, directory: Path) -> str:
    """Return what is wrong with a path of a context, as a clause, or nothing."""
    relative = path.relative_to(directory).as_posix()
    read_here = path.name.endswith(TEMPLATE) or relative in {*CONTAINERFILES, REQUIREMENTS}
    if stat.S_ISLNK(mode) and read_here:
        return "is a symbolic link, where lab needs the file itself"
    if stat.S_ISLNK(mode) and _leads_out(path, directory):
        return f"is a symbolic link out of it, to {path.readlink()}"
    if not (stat.S_ISLNK(mode) or stat.S_ISREG(mode)):
        return "is neither a file, a directory nor a symbolic link"
    if path.name.removesuffix(TEMPLATE) in {"", ".", ".."}:
        return "is a template of a file without a name"
    try:
        relative.encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    return ""


def _leads_out(link: Path, directory: Path) -> bool:
    target = Path(os.path.realpath(link))  # unlike Path.resolve it has an answer for loops
    return link.readlink().is_absolute() or not target.is_relative_to(directory.resolve())


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
    import tarfile

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
