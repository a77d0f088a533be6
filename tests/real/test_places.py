"""Host and ports belong to a lab: once chosen they stay until they are changed, or `down`."""

from pathlib import Path

import pytest

from tests.real.conftest import Labs, free_port
from tests.real.labs import Lab
from tests.real.scenarios import pair
from tests.real.steps import step
from tests.real.traffic import send

pytestmark = pytest.mark.real


def endpoints(lab: Lab) -> dict[str, str]:
    """Where a lab says that it is."""
    found: dict[str, str] = lab.status()["endpoints"]
    return found


def test_a_lab_stays_where_it_was_put(labs: Labs) -> None:
    lab = labs("places")
    lab.up("direct", "--host", "127.0.0.2")
    where = {
        "prometheus": f"http://127.0.0.2:{lab.prometheus_port}",
        "service-a": f"http://127.0.0.2:{lab.port}",
    }
    assert endpoints(lab) == where
    with step("another scenario says that it replaces the first, and is published there"):
        assert f"replacing direct by sidecar in lab {lab.name}" in lab("up", "sidecar").err
        assert endpoints(lab) == where
    with step("the same again replaces nothing, and says so"):
        again = lab("up", "sidecar")
        assert "replacing" not in again.err
        assert "nothing to do" in again.out
    with step("two scenarios are compared there"):
        lab("compare", "sidecar", "direct", "-n", "20")
        assert endpoints(lab) == where
    with step("one thing is changed, and nothing else"):
        moved = str(free_port())
        lab("up", "direct", environment={"LAB_PORT": moved, "LAB_HOST": "127.0.0.1"})
        assert endpoints(lab) == {
            "prometheus": f"http://127.0.0.1:{lab.prometheus_port}",
            "service-a": f"http://127.0.0.1:{moved}",
        }
        assert send(f"http://127.0.0.1:{moved}", 5).statuses
    with step("what must not be replaced stays, also for a comparison"):
        before = lab.podman.states(lab.name)
        for command in (("up", "sidecar"), ("compare", "direct", "sidecar", "-n", "5")):
            refused = lab(command[0], *command[1:], "--no-replace", status=1)
            assert "is up with direct, which sidecar would replace" in refused.err
        assert lab.podman.states(lab.name) == before
    with step("down forgets"):
        lab("down")
        lab("up", "direct", "--port", str(lab.port), "--prometheus-port", str(lab.prometheus_port))
        assert endpoints(lab)["service-a"] == lab.url


def test_a_scenario_of_one_s_own_stays_whatever_its_parameters_are_called(
    labs: Labs, images: dict[str, str], tmp_path: Path
) -> None:
    lab = labs("own-places")
    port = free_port()
    file = pair(tmp_path, port=port, front=images["service-a"], back=images["service-b"])
    text = file.read_text().replace(f"published: {port}", 'published: "${door}"')
    file.write_text(f"{text}parameters:\n  door: {{type: integer, default: {port}}}\n")
    chosen = str(free_port())
    lab("up", str(file), "--set", f"door={chosen}")
    where = endpoints(lab)
    assert list(where.values()) == [f"http://127.0.0.1:{chosen}"]
    with step("its default is another by now, and the parameter has another name"):
        text = text.replace("${door}", "${gate}")
        file.write_text(f"{text}parameters:\n  gate: {{type: integer, default: {free_port()}}}\n")
        lab("up", str(file), environment={"LAB_PORT": "1"})
        assert endpoints(lab) == where
