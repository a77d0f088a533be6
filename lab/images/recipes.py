"""What determines an image, as the tag of its reference: change anything and the tag changes.

``resolve`` is what turns the images that a scenario names into references. As a reference is
part of a container's digest, a changed source replaces the containers that run it, and nothing
else.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from lab.errors import UsageError
from lab.images import contexts
from lab.images.bases import base, official, python_version
from lab.images.platform import architecture
from lab.topology.spec import BuildSpec, ImageSpec, LabSpec, PodSpec

REGISTRY = "registry"
PACKAGES = "packages"
SOURCES = (REGISTRY, PACKAGES)

SOURCE = "lab.source"
"""Label on every image that lab builds: the source that it, or its base, came from."""
REPOSITORY = "localhost/lab/"
"""What the references of all images that lab builds begin with."""

_RECIPE = 1
"""Counts changes in how images are made: raise it when the same inputs give other images."""


def resolve(spec: LabSpec, source: str) -> LabSpec:
    """Give every image of a scenario its full reference, and add the bases they stand on.

    Only reads the files of the build contexts. Images with equal builds become one. Raises
    ``UsageError`` when a context or a base is missing or a template cannot be filled in, and
    ``LabError`` on a machine that lab builds no images for.
    """
    bases: dict[str, ImageSpec] = {}
    images: list[ImageSpec] = []
    by_build: dict[str, str] = {}
    references: dict[str, str] = {}
    for image in spec.images:
        if image.build is None:
            images.append(image)
            references[image.name] = image.reference
            continue
        stands_on = base_image(image.build.base, source)
        bases[stands_on.name] = stands_on
        known = by_build.get(image.build.digest)
        if known is None:
            built = _built(image, image.build, stands_on, source)
            images.append(built)
            known = by_build[image.build.digest] = built.reference
        references[image.name] = known
    return msgspec.structs.replace(
        spec,
        images=(*bases.values(), *images),
        pods=tuple(_with_references(pod, references) for pod in spec.pods),
    )


def base_image(name: str, source: str) -> ImageSpec:
    """Return the image of a base (``python``, ``prometheus``, ...) from a source."""
    recipe = base(name)
    reference = official(name)
    if source == PACKAGES:
        reference = _tagged(f"base-{name}", recipe.digest)
    return ImageSpec(name=f"base-{name}", reference=reference, source=source)


def base_name(image: ImageSpec) -> str:
    """Return the name of the base that :func:`base_image` made this image of."""
    return image.name.removeprefix("base-")


def labels(image: ImageSpec) -> dict[str, str]:
    """Return the labels of a built image that are known before it is built."""
    return {"org.opencontainers.image.title": image.name, SOURCE: image.source}


def _built(image: ImageSpec, build: BuildSpec, stands_on: ImageSpec, source: str) -> ImageSpec:
    files = contexts.load(build.context, build.args)
    inputs = {
        "args": build.args,
        "base": stands_on.reference,
        "files": {path: file.digest for path, file in files.items()},
        "labels": labels(msgspec.structs.replace(image, source=source)),
        "python": python_version() if contexts.REQUIREMENTS in files else "",
    }
    digest = hashlib.sha256(msgspec.json.encode(inputs, order="sorted")).hexdigest()
    name = _repository(image, build)
    return msgspec.structs.replace(
        image, reference=_tagged(name, digest), source=source, base=stands_on.name
    )


def _repository(image: ImageSpec, build: BuildSpec) -> str:
    name = image.name.lower()
    if not name or not all(part.isalnum() for part in name.replace("-", ".").split(".")):
        raise UsageError(
            f"{image.name!r}, built from {Path(build.context).name}, cannot name an image",
            hint="use letters, digits, and single dashes or dots between them",
        )
    return name


def _tagged(name: str, digest: str) -> str:
    made = f"{_RECIPE} {architecture()} {digest}"
    return f"{REPOSITORY}{name}:{hashlib.sha256(made.encode()).hexdigest()[:16]}"


def _with_references(pod: PodSpec, references: dict[str, str]) -> PodSpec:
    containers = tuple(
        msgspec.structs.replace(c, image=references.get(c.image, c.image)) for c in pod.containers
    )
    return msgspec.structs.replace(pod, containers=containers)
