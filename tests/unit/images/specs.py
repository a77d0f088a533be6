"""Scenarios as small as these tests need them."""

from __future__ import annotations

from lab.topology.spec import BuildSpec, ContainerSpec, ImageSpec, LabSpec, NetworkSpec, PodSpec


def built(name: str, context: str, base: str = "python", **arguments: str) -> ImageSpec:
    build = BuildSpec(context=context, base=base, args=arguments)
    return ImageSpec(name=name, reference="", build=build)


def lab_of(*images: ImageSpec) -> LabSpec:
    """A lab with one container per image, in one pod."""
    containers = tuple(
        ContainerSpec(name=f"c{number}", image=image.name) for number, image in enumerate(images)
    )
    return LabSpec(
        name="lab",
        scenario="test",
        network=NetworkSpec(name="lab"),
        images=images,
        pods=(PodSpec(name="pod", containers=containers),),
    )
