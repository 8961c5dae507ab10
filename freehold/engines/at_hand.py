"""The small models that `freehold setup` gets: those that are there, each said in the log when it is not."""

from __future__ import annotations

import logging

from freehold.config import Config
from freehold.engines.embedder import OnnxEmbedder
from freehold.engines.reader import OnnxReader
from freehold.errors import Unavailable

log = logging.getLogger(__name__)


def embedder_of(config: Config) -> OnnxEmbedder | None:
    """The embedding model, or None (said in the log, `status` and every search) where there is none.

    Raises:
        ModelRejected: the folder is there and holds something else, or files that are damaged.
    """
    try:
        embedder = OnnxEmbedder(config.embedder_folder, config.embedder_threads)
        embedder.verify()
        return embedder
    except Unavailable as error:
        log.warning("Searching by words alone: %s %s", error.message, error.hint or "")
        return None


def reader_of(config: Config) -> OnnxReader | None:
    """The reader, or None where there is none (said in the log) or it is switched off.

    Raises:
        ModelRejected: the folder is there and holds something else, or files that are damaged.
    """
    if config.reader == "off":
        return None
    try:
        reader = OnnxReader(config.reader_folder, config.embedder_threads)
        reader.verify()
        return reader
    except Unavailable as error:
        log.warning("Choosing what answers without a reader: %s %s", error.message, error.hint or "")
        return None
