"""What theory predicts: a module for each kind of model.

A model is a module with its ``PARAMETERS`` (each with the least and the greatest value), those
that are ``REQUIRED``, and a function ``predict``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lab.models.base import Predicted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.models.base import Run
    from lab.topology.spec import ModelSpec

NAMES = ("retries",)
"""Every kind of model."""


def parameters(kind: str) -> Mapping[str, tuple[float, float]]:
    """The parameters of a model, each with the least and the greatest value that it takes."""
    found: Mapping[str, tuple[float, float]] = _module(kind).PARAMETERS
    return found


def required(kind: str) -> tuple[str, ...]:
    """The parameters that a model cannot do without."""
    found: tuple[str, ...] = _module(kind).REQUIRED
    return found


def predict(model: ModelSpec, run: Run, confidence: float) -> Predicted:
    """What a model says of a run, each count at ``confidence`` on its own.

    Scenarios have been checked, records have not: of a model that there is not, and of values
    that it does not take, it predicts nothing.
    """
    if fault := _fault(model):
        return Predicted(missing=fault)
    found: Predicted = _module(model.kind).predict(model.parameters, run, confidence)
    return found


def _fault(model: ModelSpec) -> str:
    """Why a model cannot be asked, "" when it can."""
    if model.kind not in NAMES:
        return f"there is no model {model.kind}"
    known = parameters(model.kind)
    for name in (*model.parameters, *required(model.kind)):
        low, high = known.get(name, (0, 0))
        value = model.parameters.get(name)
        if name not in known or value is None or not low <= value <= high:
            return f"the model {model.kind} takes no {name} of {value}"
    return ""


def _module(kind: str) -> Any:  # noqa: ANN401 - a module
    return import_module(f"lab.models.{kind}")
