"""What a scenario says of measuring: paths and their branches, meters, claims and models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.errors import UsageError
from lab.metrics.quantities import Quantities
from lab.spec.claims import Evenly, Holds, Listens, Predicted
from lab.topology import scenario
from lab.topology.spec import MeterSpec, ModelSpec

if TYPE_CHECKING:
    from pathlib import Path

    from lab.topology.spec import LabSpec

PODS = """\
summary: s
pods:
  p: {containers: {a: {image: i, kind: http_service}, a.proxy: {image: i, kind: envoy}}}
  q: {containers: {b: {image: i, kind: http_service}, c: {image: i}, d.e: {image: i}}}
"""


@pytest.fixture(autouse=True)
def _in_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(directory: Path, text: str, start: str = PODS) -> LabSpec:
    (directory / "mine.yaml").write_text(start + text)
    return scenario.load("./mine.yaml", given={})


@pytest.mark.parametrize(
    ("path", "edges"),
    [
        ("[client]", ()),
        ("[client, a, b]", (("client", "a"), ("a", "b"))),
        ("[client, {a: [b, c]}]", (("client", "a"), ("a", "b"), ("a", "c"))),
        ("[client, {a: [[b, c], d.e]}]", (("client", "a"), ("a", "b"), ("b", "c"), ("a", "d.e"))),
        (
            "[client, {a: [{b: [c, d.e]}, d.e]}]",
            (("client", "a"), ("a", "b"), ("b", "c"), ("b", "d.e"), ("a", "d.e")),
        ),
        ("[client, {a: [[b, d.e], [c, d.e]]}]",
         (("client", "a"), ("a", "b"), ("b", "d.e"), ("a", "c"), ("c", "d.e"))),
        ("[client, {a: [b], c: [b]}]",
         (("client", "a"), ("a", "b"), ("client", "c"), ("c", "b"))),
        ("[client, a, {a: [b]}]", (("client", "a"), ("a", "a"), ("a", "b"))),
        ("[client, {a: [b, b]}]", (("client", "a"), ("a", "b"))),
    ],
)  # fmt: skip
def test_a_path_and_its_branches_become_calls(
    tmp_path: Path, path: str, edges: tuple[tuple[str, str], ...]
) -> None:
    assert load(tmp_path, f"path: {path}\n").path == edges


def test_a_path_has_so_many_hops_at_most(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, f"path: [client, {', '.join(['a', 'b'] * 101)}]\n")
    assert caught.value.details == ("mine.yaml:5: path[201]: a path has at most 200 hops",)


def test_a_container_with_dots_in_its_name_has_hops_all_the_same(tmp_path: Path) -> None:
    spec = load(tmp_path, "path: [client, a.proxy.ingress, a, a.proxy.egress, d.e]\n")
    quantities = Quantities(spec)
    assert list(quantities.hops) == ["a.proxy.ingress", "a", "a.proxy.egress"]
    assert quantities.service("a.proxy.egress") == "a.proxy"
    assert quantities.service("d.e") == "d.e"
    assert quantities.knows("a.proxy.egress.retries")
    assert quantities.retrying == ("a.proxy.egress",)
    assert quantities.laws.gaps == ("d.e counts nothing: what reaches it is not checked",)


def test_without_a_path_the_hops_of_all_kinds_are_known(tmp_path: Path) -> None:
    quantities = Quantities(load(tmp_path, ""))
    assert list(quantities.hops) == ["a", "a.proxy.ingress", "a.proxy.egress", "b"]
    assert quantities.laws.laws == ()
    assert quantities.last == ""


METERS = """\
meters:
  orders.accepted: {container: c, port: 9000, metric: orders_total, labels: {state: ok}}
  d.e.depth: {container: d.e, port: 1, path: /stats, metric: depth}
"""


def test_meters_of_ones_own_are_quantities_and_their_containers_are_scraped(
    tmp_path: Path,
) -> None:
    spec = load(tmp_path, METERS)
    assert spec.meters == {
        "orders.accepted": MeterSpec(
            container="c", port=9000, metric="orders_total", labels={"state": "ok"}
        ),
        "d.e.depth": MeterSpec(container="d.e", port=1, path="/stats", metric="depth"),
    }
    quantities = Quantities(spec)
    assert quantities.sources["orders.accepted"].meter.selector == 'orders_total{state="ok"}'
    targets = {target.service: target for target in quantities.targets}
    assert (targets["d.e"].endpoint.port, targets["d.e"].endpoint.path) == (1, "/stats")
    assert targets["c"].falls == ("orders_total",)
    assert "orders_total" in quantities.metrics & quantities.growing


def test_claims_of_every_type_arrive(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        METERS
        + """\
claims:
  equal: {says: It adds up, holds: "orders.accepted + b.failed = 2 * client.sent"}
  quick: {says: It is quick, holds: client.p99.9 < 100ms}
  model: {says: As predicted, predicted: client.succeeded}
  turns: {says: In turn, spread: b.received}
  own: {says: In turn as well, spread: orders.accepted}
  closed: {says: Closed, pod: q, listens: [80, 81]}
  shut: {says: Shut, pod: q, listens: []}
""",
    )
    assert spec.claims == (
        Holds(
            name="equal",
            says="It adds up",
            holds="orders.accepted + b.failed = 2 * client.sent",
        ),
        Holds(name="quick", says="It is quick", holds="client.p99.9 < 100ms"),
        Predicted(name="model", says="As predicted", predicted="client.succeeded"),
        Evenly(name="turns", says="In turn", spread="b.received"),
        Evenly(name="own", says="In turn as well", spread="orders.accepted"),
        Listens(name="closed", says="Closed", pod="q", listens=(80, 81)),
        Listens(name="shut", says="Shut", pod="q", listens=()),
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("orders.accept", "; did you mean 'orders.accepted'?; there are orders.accepted"),
        (
            "client.fail",
            (
                "; did you mean 'client.failed'?; there are client.sent, client.succeeded, "
                "client.failed, client.mean, client.max, client.p99"
            ),
        ),
        (
            "x.y.z",
            "; there are client.…, a.…, a.proxy.ingress.…, a.proxy.egress.…, b.…, orders.…, d.e.…",
        ),
    ],
)
def test_an_unknown_quantity_is_refused_with_the_nearest_and_what_there_is(
    tmp_path: Path, name: str, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, METERS + f"claims: {{x: {{says: s, holds: {name} = client.sent}}}}\n")
    assert caught.value.details == (
        f"mine.yaml:8: claims.x.holds: there is no quantity '{name}'{says}",
    )


def test_a_model_has_the_parameters_that_are_set_with_units(tmp_path: Path) -> None:
    declared = "parameters: {n: {type: integer, default: 3}, m: {type: integer, default: null}}\n"
    text = 'model: {kind: retries, error_rate: 20%, retries: "${n}", max_concurrent: "${m}"}\n'
    spec = load(tmp_path, declared + text)
    assert spec.model == ModelSpec(kind="retries", parameters={"error_rate": 0.2, "retries": 3})


def test_parameters_stand_in_claims_and_paths_of_an_included_file_are_replaced(
    tmp_path: Path,
) -> None:
    (tmp_path / "base.yaml").write_text(
        PODS.replace("summary: s\n", "")
        + "parameters: {n: {type: integer, default: 3}}\n"
        + "path: [client, a]\nmodel: {kind: retries, error_rate: 1}\n"
        + 'claims: {few: {says: s, holds: "b.failed <= ${n}"}}\n'
    )
    spec = load(
        tmp_path,
        "path: [client, b]\nmodel: {kind: retries, error_rate: 0}\n",
        "summary: s\ninclude: ./base.yaml\n",
    )
    assert spec.path == (("client", "b"),)
    assert spec.model == ModelSpec(kind="retries", parameters={"error_rate": 0})
    assert spec.claims == (Holds(name="few", says="s", holds="b.failed <= 3"),)


def test_a_kind_comes_from_the_context_unless_the_container_says_another(tmp_path: Path) -> None:
    built = "build: {context: services, base: python}"
    text = f"pods: {{p: {{containers: {{x: {{{built}}}, y: {{{built}, kind: haproxy}}}}}}}}\n"
    assert load(tmp_path, text, "summary: s\n").kinds == {"x": "http_service", "y": "haproxy"}


def test_another_name_of_a_lab_changes_no_quantity(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(PODS + METERS + "path: [client, a, b]\n")
    one, two = (scenario.load("./mine.yaml", name=name, given={}) for name in ("lab", "two"))
    assert Quantities(one).words == Quantities(two).words
    assert one.path == two.path
