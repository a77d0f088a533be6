"""Golden plans: what `lab` would do, word for word, from one state of podman to another."""

from __future__ import annotations

import msgspec

from lab.converge.diff import diff, record_of
from lab.converge.images import looked_up
from lab.converge.plan import Action
from tests.unit.converge.labs import changes, down, golden, readable, spec, up
from tests.unit.fake_engine import FakeEngine

DIRECT = spec("direct")
SIDECAR = spec("sidecar")


def test_from_nothing_to_direct() -> None:
    plan = diff(DIRECT, FakeEngine().observe("lab"))
    assert readable(plan, direct=DIRECT) == golden("""
        build image base-prometheus  because it is not in podman's storage
        build image base-python  because it is not in podman's storage
        build image envoy-prom  because it is not in podman's storage
        build image service-b  because it is not in podman's storage
        build image service-a  because it is not in podman's storage
        create record <direct>  because it stores direct
        create network lab  because it does not exist
        create volume lab-prometheus-data  because it does not exist
        create pod prometheus-pod  because it does not exist
        create container envoy-prom  because its pod is new
        start pod prometheus-pod  because it is new
        create pod service-b-pod  because it does not exist
        create container service-b  because its pod is new
        start pod service-b-pod  because it is new
        create pod service-a-pod  because it does not exist
        create container service-a  because its pod is new
        start pod service-a-pod  because it is new
    """)


def test_prometheus_waits_for_what_the_first_answer_needs() -> None:
    plan = diff(SIDECAR, FakeEngine().observe("lab"))
    late = [step.id for step in plan.steps if step.late]
    assert late == [
        "create pod prometheus-pod",
        "create container envoy-prom",
        "start pod prometheus-pod",
    ]


def test_from_nothing_to_sidecar() -> None:
    plan = diff(SIDECAR, FakeEngine().observe("lab"))
    assert readable(plan, sidecar=SIDECAR) == golden("""
        build image base-prometheus  because it is not in podman's storage
        build image base-python  because it is not in podman's storage
        build image base-envoy  because it is not in podman's storage
        build image envoy-prom  because it is not in podman's storage
        build image service-b  because it is not in podman's storage
        build image service-a  because it is not in podman's storage
        build image service-a-envoy  because it is not in podman's storage
        create record <sidecar>  because it stores sidecar
        create network lab  because it does not exist
        create volume lab-prometheus-data  because it does not exist
        create pod prometheus-pod  because it does not exist
        create container envoy-prom  because its pod is new
        start pod prometheus-pod  because it is new
        create pod service-b-pod  because it does not exist
        create container service-b  because its pod is new
        start pod service-b-pod  because it is new
        create pod service-a-pod  because it does not exist
        create container service-a  because its pod is new
        create container service-a-envoy  because its pod is new
        start pod service-a-pod  because it is new
    """)


def test_from_direct_to_sidecar_only_what_runs_in_the_pod_of_service_a_is_replaced() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    plan = diff(SIDECAR, engine.observe("lab"))
    assert readable(plan, direct=DIRECT, sidecar=SIDECAR) == golden("""
        build image base-envoy  because it is not in podman's storage
        build image service-a-envoy  because it is not in podman's storage
        create record <sidecar>  because it stores sidecar
        remove record <direct>  because sidecar replaces it
        remove container service-a  because its image or settings changed
        create container service-a  because its image or settings changed
        start container service-a  because it is new
        create container service-a-envoy  because it does not exist
        start container service-a-envoy  because it is new
        keep image envoy-prom  because it is in podman's storage
        keep image service-b  because it is in podman's storage
        keep image service-a  because it is in podman's storage
        keep network lab  because it did not change
        keep volume lab-prometheus-data  because it holds the data of earlier runs
        keep pod prometheus-pod  because it did not change
        keep container envoy-prom  because it did not change
        keep pod service-b-pod  because it did not change
        keep container service-b  because it did not change
        keep pod service-a-pod  because it did not change
    """)


def test_from_sidecar_back_to_direct_only_what_runs_in_the_pod_of_service_a_is_replaced() -> None:
    engine = FakeEngine()
    up(engine, SIDECAR)
    plan = diff(DIRECT, engine.observe("lab"))
    assert changes(plan, direct=DIRECT, sidecar=SIDECAR) == golden("""
        create record <direct>  because it stores direct
        remove record <sidecar>  because direct replaces it
        remove container service-a-envoy  because direct has no such container
        remove container service-a  because its image or settings changed
        create container service-a  because its image or settings changed
        start container service-a  because it is new
    """)


def test_a_sidecar_is_made_while_what_it_stands_before_goes_and_started_after_that() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    steps = {step.id: step for step in diff(SIDECAR, engine.observe("lab")).steps}
    assert "remove container service-a" not in steps["create container service-a-envoy"].needs
    assert set(steps["start container service-a-envoy"].needs) == {
        "create container service-a-envoy",
        "remove container service-a",
    }


def test_a_container_in_place_of_a_sidecar_starts_when_both_are_gone() -> None:
    engine = FakeEngine()
    up(engine, SIDECAR)
    steps = {step.id: step for step in diff(DIRECT, engine.observe("lab")).steps}
    assert set(steps["start container service-a"].needs) == {
        "create container service-a",
        "remove container service-a",
        "remove container service-a-envoy",
    }


def test_up_again_does_nothing_and_says_why() -> None:
    engine = FakeEngine()
    up(engine, SIDECAR)
    plan = diff(SIDECAR, engine.observe("lab"))
    assert not plan
    assert readable(plan, sidecar=SIDECAR) == golden("""
        keep image envoy-prom  because it is in podman's storage
        keep image service-b  because it is in podman's storage
        keep image service-a  because it is in podman's storage
        keep image service-a-envoy  because it is in podman's storage
        keep record <sidecar>  because the scenario did not change
        keep network lab  because it did not change
        keep volume lab-prometheus-data  because it holds the data of earlier runs
        keep pod prometheus-pod  because it did not change
        keep container envoy-prom  because it did not change
        keep pod service-b-pod  because it did not change
        keep container service-b  because it did not change
        keep pod service-a-pod  because it did not change
        keep container service-a  because it did not change
        keep container service-a-envoy  because it did not change
    """)


def test_down_keeps_the_data() -> None:
    engine = FakeEngine()
    up(engine, SIDECAR)
    plan = diff(None, engine.observe("lab"))
    assert readable(plan, sidecar=SIDECAR) == golden("""
        remove pod prometheus-pod  because the lab goes down
        remove pod service-a-pod  because the lab goes down
        remove pod service-b-pod  because the lab goes down
        remove network lab  because the lab goes down
        remove record <sidecar>  because the lab goes down
        keep volume lab-prometheus-data  because it holds the data of earlier runs
    """)


def test_down_with_volumes_removes_the_data_too() -> None:
    engine = FakeEngine()
    up(engine, SIDECAR)
    plan = diff(None, engine.observe("lab"), volumes=True)
    assert readable(plan, sidecar=SIDECAR) == golden("""
        remove pod prometheus-pod  because the lab goes down
        remove pod service-a-pod  because the lab goes down
        remove pod service-b-pod  because the lab goes down
        remove network lab  because the lab goes down
        remove record <sidecar>  because the lab goes down
        remove volume lab-prometheus-data  because --volumes was given
    """)


def test_down_removes_the_record_last_so_that_what_is_left_stays_known() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    plan = diff(None, engine.observe("lab"), volumes=True)
    record = f"remove record {record_of(DIRECT).name}"
    (needs,) = (step.needs for step in plan.steps if step.id == record)
    assert set(needs) == {
        "remove pod prometheus-pod",
        "remove pod service-a-pod",
        "remove pod service-b-pod",
        "remove network lab",
    }


def test_down_again_does_nothing() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    down(engine)
    plan = diff(None, engine.observe("lab"))
    assert not plan
    assert readable(plan) == golden("""
        keep volume lab-prometheus-data  because it holds the data of earlier runs
    """)


def test_down_of_nothing_at_all_does_nothing() -> None:
    assert str(diff(None, FakeEngine().observe("lab"), volumes=True)) == ""


def test_another_error_rate_replaces_only_the_container_of_service_b() -> None:
    engine = FakeEngine()
    up(engine, SIDECAR)
    new = spec("sidecar", error_rate=30)
    assert changes(diff(new, engine.observe("lab")), old=SIDECAR, new=new) == golden("""
        create record <new>  because it stores sidecar
        remove record <old>  because sidecar replaces it
        remove container service-b  because its image or settings changed
        create container service-b  because its image or settings changed
        start container service-b  because it is new
    """)


def test_another_port_replaces_only_the_pod_that_publishes_it() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    new = spec("direct", port=8081)
    assert changes(diff(new, engine.observe("lab")), old=DIRECT, new=new) == golden("""
        create record <new>  because it stores direct
        remove record <old>  because direct replaces it
        remove pod service-a-pod  because its addresses, names or ports changed
        create pod service-a-pod  because its addresses, names or ports changed
        create container service-a  because its pod is new
        start pod service-a-pod  because it is new
    """)


def test_another_number_of_retries_makes_another_image_and_replaces_only_envoy() -> None:
    engine = FakeEngine()
    up(engine, SIDECAR)
    new = spec("sidecar", retries=5)
    assert changes(diff(new, engine.observe("lab")), old=SIDECAR, new=new) == golden("""
        build image service-a-envoy  because it is not in podman's storage
        create record <new>  because it stores sidecar
        remove record <old>  because sidecar replaces it
        remove container service-a-envoy  because its image or settings changed
        create container service-a-envoy  because its image or settings changed
        start container service-a-envoy  because it is new
    """)


def test_a_base_is_built_only_when_something_is_built_on_it() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    references = {image.name: image.reference for image in DIRECT.images}
    del engine.references[references["base-python"]]
    assert not diff(DIRECT, engine.observe("lab"))
    del engine.references[references["service-a"]]
    assert changes(diff(DIRECT, engine.observe("lab"))) == golden("""
        build image base-python  because it is not in podman's storage
        build image service-a  because it is not in podman's storage
    """)


def test_a_base_that_is_there_is_not_built_again() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    del engine.references[next(i.reference for i in DIRECT.images if i.name == "envoy-prom")]
    assert changes(diff(DIRECT, engine.observe("lab"))) == golden("""
        build image envoy-prom  because it is not in podman's storage
    """)


def test_of_two_records_the_older_one_goes_when_the_newer_is_asked_for_again() -> None:
    engine = FakeEngine()
    record = record_of(SIDECAR)
    engine.add_volume(record.name, "lab", record.spec)
    up_to_direct = diff(DIRECT, engine.observe("lab"))
    for step in up_to_direct.steps:
        if step.id != f"remove record {record.name}":
            engine.execute(step)
    plan = diff(DIRECT, engine.observe("lab"))
    assert changes(plan, direct=DIRECT, sidecar=SIDECAR) == golden("""
        remove record <sidecar>  because direct replaces it
    """)


def test_of_two_records_the_older_one_is_written_anew_when_it_is_asked_for() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    record = record_of(SIDECAR)
    engine.add_volume(record.name, "lab", record.spec)
    plan = diff(DIRECT, engine.observe("lab"))
    assert changes(plan, direct=DIRECT, sidecar=SIDECAR) == golden("""
        remove record <direct>  because a newer one exists
        create record <direct>  because it stores direct
        remove record <sidecar>  because direct replaces it
    """)
    up(engine, DIRECT)
    assert engine.observe("lab").recorded() == DIRECT


def test_a_record_that_cannot_be_read_is_passed_over() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    engine.add_volume("lab-record-of-another-version", "lab", '{"unknown": 1}')
    assert engine.observe("lab").recorded() == DIRECT


def test_a_new_record_is_written_after_the_builds_and_before_the_old_one_goes() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    plan = diff(SIDECAR, engine.observe("lab"))
    needs = {step.id: step.needs for step in plan.steps}
    written = f"create record {record_of(SIDECAR).name}"
    assert "build image service-a-envoy" in needs[written]
    assert written in needs[f"remove record {record_of(DIRECT).name}"]


def test_every_step_names_its_lab_so_that_what_it_creates_can_be_labelled() -> None:
    two = spec("direct", name="two")
    plan = diff(two, FakeEngine().observe("two"))
    assert {step.lab for step in plan.steps} == {"two"}


def test_a_user_s_own_image_is_taken_from_storage_by_its_short_name() -> None:
    engine = FakeEngine(references={"docker.io/library/nginx:latest": "id of nginx"})
    (pod,) = (pod for pod in DIRECT.pods if pod.name == "service-b-pod")
    own = msgspec.structs.replace(pod.containers[0], image="nginx")
    image = msgspec.structs.replace(
        DIRECT.images[0], name="nginx", reference="nginx", build=None, source="", base=""
    )
    wanted = msgspec.structs.replace(
        DIRECT, images=(image,), pods=(msgspec.structs.replace(pod, containers=(own,)),)
    )
    observed = looked_up(engine.observe("lab"), wanted, engine.image_id)
    plan = diff(wanted, observed)
    assert not any(step.action is Action.BUILD for step in plan.steps)


def test_a_copy_more_leaves_the_others_and_makes_anew_who_knows_their_addresses() -> None:
    engine = FakeEngine()
    two, three = spec("scale", copies=2), spec("scale", copies=3)
    up(engine, two)
    plan = diff(three, engine.observe("lab"))
    assert changes(plan, two=two, three=three) == golden("""
        build image envoy-prom  because it is not in podman's storage
        create record <three>  because it stores scale
        remove record <two>  because scale replaces it
        remove pod prometheus-pod  because its addresses, names or ports changed
        remove pod service-a-pod  because its addresses, names or ports changed
        create pod prometheus-pod  because its addresses, names or ports changed
        create container envoy-prom  because its pod is new
        start pod prometheus-pod  because it is new
        create pod service-b-pod-3  because it does not exist
        create container service-b-3  because its pod is new
        start pod service-b-pod-3  because it is new
        create pod service-a-pod  because its addresses, names or ports changed
        create container service-a  because its pod is new
        create container service-a-envoy  because its pod is new
        start pod service-a-pod  because it is new
    """)


def test_each_copy_takes_the_same_three_steps_however_many_there_are() -> None:
    steps = [
        len(diff(spec("scale", copies=n), FakeEngine().observe("lab")).steps) for n in (1, 2, 9)
    ]
    assert [steps[1] - steps[0], steps[2] - steps[1]] == [3, 3 * 7]
