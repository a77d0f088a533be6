"""Which of podman's secrets hold the values that a lab is given.

Podman does not tell what is in a secret. So each carries a fingerprint of its value, salted and
slow to compute, by which a value that is given again is known. A secret keeps its value: another
one is another secret, under a name of its own that chance completes, and the containers that
mount it are other containers.
"""

from __future__ import annotations

import hashlib
import hmac
from secrets import token_hex
from typing import TYPE_CHECKING

import msgspec

from lab.converge.observed import secret_prefix
from lab.errors import UsageError
from lab.secret_values import hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.converge.observed import Observed
    from lab.topology.spec import LabSpec, PodSpec

_SALT = 16


def fingerprint(value: str, salt: str = "") -> str:
    """What tells a value from another, and takes a twentieth of a second to try."""
    salt = salt or token_hex(_SALT)
    made = hashlib.scrypt(value.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32)
    return f"{salt}:{made.hex()}"


def matches(value: str, known: str) -> bool:
    """Whether a fingerprint is that of the value."""
    salt, _, _ = known.partition(":")
    try:
        return hmac.compare_digest(fingerprint(value, salt), known)
    except ValueError:  # no fingerprint of ours
        return False


def resolve(
    spec: LabSpec, values: Mapping[str, str], observed: Observed
) -> tuple[LabSpec, dict[str, str]]:
    """Give every secret of a spec its name in podman; returns the values, too, by these names.

    ``values`` has what is given, by parameter. A secret that is not given is the one that the lab
    has already; without one its name stays empty (see :func:`check`).
    """
    if not spec.secrets:
        return spec, {}
    recorded = observed.recorded()
    current = {secret.name for secret in recorded.secrets} if recorded else set()
    held = sorted(observed.my_secrets(), key=lambda secret: secret.name not in current)
    names: dict[str, str] = {}
    for parameter in (secret.parameter for secret in spec.secrets):
        value = values.get(parameter)
        fitting = (
            secret.name
            for secret in held
            if secret.parameter == parameter
            and (value is None or matches(value, secret.fingerprint))
        )
        new = "" if value is None else f"{secret_prefix(spec.name)}{parameter}-{token_hex(4)}"
        names[parameter] = next(fitting, new)
    named = {names[parameter]: value for parameter, value in values.items() if parameter in names}
    return _renamed(spec, names), named


def check(spec: LabSpec) -> None:
    """Raise UsageError when a secret was not given, and the lab has none either."""
    for secret in spec.secrets:
        if not secret.name:
            name = secret.parameter
            raise UsageError(f"{spec.scenario} needs the secret {name}", hint=hint(name))


def _renamed(spec: LabSpec, names: Mapping[str, str]) -> LabSpec:
    def renamed(pod: PodSpec) -> PodSpec:
        containers = tuple(
            msgspec.structs.replace(
                container,
                secrets={file: names[parameter] for file, parameter in container.secrets.items()},
            )
            for container in pod.containers
        )
        return msgspec.structs.replace(pod, containers=containers)

    return msgspec.structs.replace(
        spec,
        secrets=tuple(
            msgspec.structs.replace(secret, name=names[secret.parameter]) for secret in spec.secrets
        ),
        pods=tuple(map(renamed, spec.pods)),
    )
