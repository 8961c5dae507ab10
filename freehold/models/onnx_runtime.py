"""onnxruntime as we use it: silent.

Since 1.29 its official Linux builds report sessions to their maker (mobile.events.data.microsoft.com) unless
told not to. Whoever needs onnxruntime gets it here; importing it elsewhere would let it speak.
"""

from __future__ import annotations

import os
from types import ModuleType

SILENCE = "ORT_DISABLE_TELEMETRY"
"""Read once by the library, when it is loaded; children inherit it."""


def silence() -> None:
    """Sees to it that it says nothing, whoever loads it from now on in this process or its children."""
    os.environ[SILENCE] = "1"


def runtime() -> ModuleType:
    """The module, its telemetry switched off before it is loaded and again once it is."""
    silence()
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    module: ModuleType = onnxruntime
    return module


def quantization() -> ModuleType:
    """Its tools that make models smaller, which load it too."""
    runtime()
    from onnxruntime import quantization

    module: ModuleType = quantization
    return module
