"""What a run knows of the containers that its counts come from."""

from lab.experiment.run import with_replaced
from lab.metrics.scrape import Scrape
from lab.topology import scenario
from tests.unit.metrics.snapshots import snapshot

SERVICE_A, SERVICE_B = "service-a", "service-b"
BEFORE = {"x-service-a": "1", "x-service-a-envoy": "2", "x-service-b": "3"}


def restarted(later: dict[str, str]) -> set[str]:
    spec = scenario.load("sidecar", name="x", given={})
    after = with_replaced(snapshot({"service-a.succeeded": 5}), spec, BEFORE, later)
    return {scrape.service for scrape in after.scrapes if scrape.restarted}


def test_the_same_containers_are_not_marked() -> None:
    assert restarted(BEFORE) == set()


def test_a_new_container_is_marked_although_its_counters_did_not_fall() -> None:
    assert restarted(BEFORE | {"x-service-a": "4"}) == {SERVICE_A}


def test_a_container_that_is_gone_has_not_restarted() -> None:
    later = {name: id_ for name, id_ in BEFORE.items() if name != "x-service-a-envoy"}
    assert restarted(later) == set()


def test_one_new_copy_marks_its_service() -> None:
    spec = scenario.load("scale", name="x", given={"copies": 2})
    after = with_replaced(
        snapshot(), spec, {"x-service-b-1": "1", "x-service-b-2": "2"}, {"x-service-b-2": "3"}
    )
    assert after.scrape(SERVICE_B).restarted
    assert not after.scrape(SERVICE_A).restarted


def test_what_was_marked_before_stays_marked() -> None:
    spec = scenario.load("sidecar", name="x", given={})
    after = snapshot(scrapes=(Scrape(service=SERVICE_B, time=1000.0, restarted=True),))
    assert with_replaced(after, spec, BEFORE, BEFORE).scrape(SERVICE_B).restarted
