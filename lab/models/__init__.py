"""What theory predicts: a module for each kind of model.

A model is a module with its ``PARAMETERS`` (each with the least and the greatest value), those
that are ``REQUIRED``, and a function ``predict``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.models.base import Predicted, Run
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
    """What a model says of a run, each count at ``confidence`` on its own."""
    found: Predicted = _module(model.kind).predict(model.parameters, run, confidence)
    return found


def _module(kind: str) -> Any:  # noqa: ANN401 - a module
    return import_module(f"lab.models.{kind}")
