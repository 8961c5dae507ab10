"""onnxruntime as we use it: silent.

Since 1.29 its official Linux builds report sessions to their maker (mobile.events.data.microsoft.com) unless
told not to. Whoever needs onnxruntime gets it here; importing it elsewhere would let it speak.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import ModuleType
from typing import Any

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


def write_int8(model: Any, path: Path) -> None:
    """Writes an `onnx.ModelProto` in dynamic int8, per channel and with a reduced range."""
    runtime()  # its tools load it too
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # it advises a preparation that our graphs have no use for
    try:
        quantize_dynamic(model, path, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
    finally:
        logging.disable(logging.NOTSET)
