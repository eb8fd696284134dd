"""jax's local devices as a backend: large pieces go there, and numpy does what is left over."""

from __future__ import annotations

from collections.abc import Sequence

from ..storage.threads import Pool
from .arithmetic import Arithmetic, NumpyArithmetic, Operation
from .device_arithmetic import DeviceArithmetic, can_compute
from .device_casts import cast_item
from .device_planes import DEVICES


class JaxBackend:
    """Computes on all of jax's local devices."""

    name = "jax"
    cast_item = staticmethod(cast_item)
    words = DEVICES

    def arithmetics(self, operation: Operation, pool: Pool) -> Sequence[Arithmetic]:
        devices = [DeviceArithmetic(operation)] if can_compute(operation) else []
        return [*devices, NumpyArithmetic(operation, pool)]
