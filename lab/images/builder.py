"""Makes one image: pulls it, or makes a base's root, or builds a context on its base."""

from __future__ import annotations

import json
import tarfile
import tempfile
from io import BytesIO
from typing import IO, TYPE_CHECKING, Protocol

import msgspec

from lab.errors import StepError
from lab.images import cache, containerfiles, contexts, roots, wheels
from lab.images.bases import base
from lab.images.recipes import PACKAGES, base_image, base_name, labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from lab.converge.observed import SeenImage
    from lab.topology.spec import BuildSpec, ImageSpec

SITE_PACKAGES = "site-packages"
"""The directory of a context into which the wheels of its requirements go."""


class StoredImage(msgspec.Struct, frozen=True):
    """An image in podman's storage: its id, its manifest's digest (``sha256:...``), its labels.

    ``volumes`` are the paths that a container of it gets a volume for.
    """

    id: str
    digest: str
    labels: dict[str, str]
    volumes: tuple[str, ...] = ()


class ImageStore(Protocol):
    """What a builder asks of podman; :class:`lab.engine.builds.Images` is the real one."""

    def inspect(self, reference: str) -> StoredImage | None:
        """Return the image of that reference, or None when storage has none."""

    def listed(self) -> tuple[SeenImage, ...]:
        """Return every image that lab has built, of whatever lab."""

    def registry_trouble(self, reference: str) -> str:
        """Return why an image cannot be had from its registry, or nothing when it can."""

    def pull(self, reference: str, emit: Callable[[str], None]) -> str:
        """Fetch an image from its registry and return its id; raises ``StepError``."""

    def alias(self, reference: str) -> AbstractContextManager[str]:
        """Give an image, or an empty one for "", a name for builds of this process to stand on."""

    def end(self) -> None:
        """End the builds of this process early: they fail where they are waited for."""

    def build(
        self,
        context: IO[bytes],
        *,
        containerfile: str,
        base: str,
        tag: str,
        arguments: Mapping[str, str],
        emit: Callable[[str], None],
    ) -> str:
        """Build a context (a tar) and return the image's id; raises ``StepError``.

        ``base`` is the reference of what it stands on, for which its FROM has an alias.
        """


class Builder:
    """Executes the build steps of a plan; one instance may serve several threads."""

    def __init__(self, store: ImageStore) -> None:
        """Keep the image store that everything ends up in."""
        self._store = store

    def build(self, image: ImageSpec, emit: Callable[[str], None]) -> str:
        """Make an image and return its id.

        Every line of progress goes to ``emit``. The image's base has to exist. Raises
        ``StepError`` with the command that failed and its last lines.
        """
        if image.build is not None:
            return self._from_context(image, image.build, emit)
        if image.source == PACKAGES:
            return self._from_packages(image, emit)
        return self._store.pull(image.reference, emit)

    def _from_context(self, image: ImageSpec, build: BuildSpec, emit: Callable[[str], None]) -> str:
        stands_on = base_image(build.base, image.source)
        stored = self._store.inspect(stands_on.reference)
        if stored is None:
            raise StepError(f"image {image.name} stands on {stands_on.reference}, which is missing")
        files = contexts.load(build.context, build.args)
        containerfile = contexts.containerfile(files, build.context)
        content = files[containerfile].content
        if stored.volumes and containerfiles.runs(content):
            raise StepError(
                f"image {image.name} cannot use RUN: {stands_on.reference} declares volumes",
                hint="podman could be made to mount the host's directories there",
            )
        content += _labels(
            labels(image)
            | {
                "org.opencontainers.image.base.name": stands_on.reference,
                "org.opencontainers.image.base.digest": stored.digest,
            }
        )
        if contexts.REQUIREMENTS in files:
            with wheels.unpacked(files[contexts.REQUIREMENTS].content, emit) as root:
                for path, file in contexts.tree(root, keep=wheels.needed).items():
                    files[f"{SITE_PACKAGES}/{path}"] = file
        with self._store.alias(stands_on.reference) as alias:
            files[containerfile] = contexts.File(content=containerfiles.based_on(content, alias))
            return self._store.build(
                BytesIO(contexts.write_tar(files)),
                containerfile=containerfile,
                base=stands_on.reference,
                tag=image.reference,
                arguments={**build.args, "BASE": stands_on.reference},
                emit=emit,
            )

    def _from_packages(self, image: ImageSpec, emit: Callable[[str], None]) -> str:
        name = base_name(image)
        recipe = base(name)
        root, versions = roots.make(recipe, name, emit)
        added = labels(image) | {
            "lab.debian.suite": recipe.suite,
            "lab.packages": " ".join(f"{key}={value}" for key, value in versions.items()),
        }
        with (
            root,
            tempfile.TemporaryFile(dir=cache.directory()) as context,
            self._store.alias("") as empty,
        ):
            containerfile = f"FROM {empty}\nADD root.tar /\n".encode() + _labels(added)
            _pack(context, containerfile, root)
            return self._store.build(
                context,
                containerfile="Containerfile",
                base="scratch",
                tag=image.reference,
                arguments={},
                emit=emit,
            )


def _labels(values: Mapping[str, str]) -> bytes:
    """Return an instruction: labels that podman's API is given come in random order."""
    pairs = " ".join(f"{key}={_quoted(value)}" for key, value in sorted(values.items()))
    return f"LABEL {pairs}\n".encode()


def _quoted(value: str) -> str:
    return json.dumps(value).replace("$", r"\$")


def _pack(context: IO[bytes], containerfile: bytes, root: IO[bytes]) -> None:
    """Write a context that holds a root as a tar: ADD unpacks it with owners and links."""
    with tarfile.open(fileobj=context, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in (("Containerfile", BytesIO(containerfile)), ("root.tar", root)):
            entry = tarfile.TarInfo(name)
            entry.size = content.seek(0, 2)
            content.seek(0)
            archive.addfile(entry, content)
    context.seek(0)
