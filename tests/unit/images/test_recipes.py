from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lab.errors import LabError, UsageError
from lab.images.recipes import PACKAGES, REGISTRY, resolve
from lab.topology.spec import ImageSpec, LabSpec
from tests.unit.images.specs import built, lab_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def reference(spec: LabSpec, name: str) -> str:
    return next(image.reference for image in spec.images if image.name == name)


def test_a_container_gets_the_full_reference_of_its_image(context: Path) -> None:
    spec = resolve(lab_of(built("app", str(context))), PACKAGES)
    assert re.fullmatch(r"localhost/lab/app:[0-9a-f]{16}", reference(spec, "app"))
    assert spec.pods[0].containers[0].image == reference(spec, "app")


def test_bases_come_before_the_images_that_stand_on_them_and_only_once(context: Path) -> None:
    images = (built("a", str(context), N="1"), built("b", str(context), N="2"))
    spec = resolve(lab_of(*images), PACKAGES)
    assert [image.name for image in spec.images] == ["base-python", "a", "b"]
    assert [image.base for image in spec.images] == ["", "base-python", "base-python"]
    assert {image.source for image in spec.images} == {PACKAGES}


def test_the_registrys_base_is_the_pinned_official_image(context: Path) -> None:
    spec = resolve(lab_of(built("app", str(context))), REGISTRY)
    assert re.fullmatch(
        r"docker\.io/library/python@sha256:[0-9a-f]{64}", reference(spec, "base-python")
    )


def test_equal_builds_share_one_image(context: Path) -> None:
    spec = resolve(lab_of(built("a", str(context)), built("b", str(context))), PACKAGES)
    assert [image.name for image in spec.images] == ["base-python", "a"]
    assert {c.image for _, c in spec.containers()} == {reference(spec, "a")}


def test_the_users_own_image_stays_as_it_is() -> None:
    own = ImageSpec(name="quay.io/me/app:1", reference="quay.io/me/app:1")
    assert resolve(lab_of(own), PACKAGES) == lab_of(own)


def change_content(context: Path) -> None:
    (context / "app.py").write_text("2\n")


def change_containerfile(context: Path) -> None:
    (context / "Containerfile").write_text("ARG BASE\nFROM ${BASE}\nUSER 1\n")


def change_mode(context: Path) -> None:
    (context / "app.py").chmod(0o755)


def rename(context: Path) -> None:
    (context / "app.py").rename(context / "main.py")


@pytest.mark.parametrize("change", [change_content, change_containerfile, change_mode, rename])
def test_any_change_of_the_context_changes_the_tag(
    context: Path, change: Callable[[Path], None]
) -> None:
    wanted = lab_of(built("app", str(context)))
    before = reference(resolve(wanted, PACKAGES), "app")
    change(context)
    assert reference(resolve(wanted, PACKAGES), "app") != before


def test_arguments_base_and_source_are_part_of_the_tag(context: Path) -> None:
    variants = [
        resolve(lab_of(image), source)
        for source in (PACKAGES, REGISTRY)
        for image in (
            built("app", str(context)),
            built("app", str(context), N="1"),
            built("app", str(context), base="envoy"),
        )
    ]
    assert len({reference(spec, "app") for spec in variants}) == len(variants)


def test_the_same_inputs_give_the_same_tag(context: Path) -> None:
    wanted = lab_of(built("app", str(context), A="1", B="2"))
    assert resolve(wanted, PACKAGES) == resolve(wanted, PACKAGES)


def test_another_architecture_has_other_tags(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = lab_of(built("app", str(context)))
    tags = []
    for machine in ("x86_64", "aarch64"):
        monkeypatch.setattr("platform.machine", lambda found=machine: found)
        tags.append(reference(resolve(wanted, PACKAGES), "app"))
    assert tags[0] != tags[1]


def test_a_machine_without_wheels_is_refused_in_words(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(LabError, match="cannot build images for a riscv64 machine"):
        resolve(lab_of(built("app", str(context))), PACKAGES)


def test_an_unknown_base_is_refused_with_the_known_ones(context: Path) -> None:
    with pytest.raises(UsageError, match="no base image 'ruby'") as caught:
        resolve(lab_of(built("app", str(context), base="ruby")), PACKAGES)
    assert "envoy, haproxy, prometheus, python" in caught.value.hint


@pytest.mark.parametrize("name", ["", "-app", "a b", "a--b", "a/b"])
def test_a_name_that_podman_would_refuse_is_refused_first(context: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name an image"):
        resolve(lab_of(built(name, str(context))), PACKAGES)
