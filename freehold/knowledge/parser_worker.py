"""The parser's own process: reads requests on standard input, answers on standard output.

Run by `parser_pool` as `python -m freehold.knowledge.parser_worker SECONDS BYTES IDLE`. A message is four
bytes of length (big endian), that much JSON, and for a request `size` more bytes: the document, unless a
`path` names it. What parsers print goes to standard error, which the pool logs.

It ends by itself: when its parent is gone (its input closes, even while a parser runs), and when nothing
was asked for IDLE seconds.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import struct
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from freehold.errors import UnreadableDocument
from freehold.knowledge.page_facts import page_facts
from freehold.knowledge.parse import charset_of, parse

LENGTH = struct.Struct(">I")
MEMORY_EXIT = 87
"""Exit status of a child that ran out of memory outside of a parser."""
_GROWN_BYTES = 400 * 2**20
"""A child that once took this much memory is replaced: freed memory does not all go back to the system."""


def main(seconds: int, memory_bytes: int, idle_seconds: int) -> None:
    """Serves requests until there are no more."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.nice(5)
    _limit(memory_bytes)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while select.select([requests], [], [], idle_seconds)[0]:
        request = _read_message(requests)
        if request is None:
            return
        try:
            data = requests.read(request["size"])
            resource.setrlimit(resource.RLIMIT_CPU, (_cpu_seconds() + seconds, resource.RLIM_INFINITY))
            payload = json.dumps(_answer(request, data)).encode()
        except MemoryError:
            os._exit(MEMORY_EXIT)
        answers.write(LENGTH.pack(len(payload)))
        answers.write(payload)
        answers.flush()
        del data, payload
        if _most_bytes() > _GROWN_BYTES:
            return


def _answer(request: dict[str, Any], data: bytes) -> dict[str, Any]:
    """What became of one document: `parsed` (or `facts`, where those were asked for), `unreadable` with its
    reason, or `failed` with a word for it."""
    root = request["include_root"]
    try:
        if request["path"] is not None:
            data = Path(request["path"]).read_bytes()
        if request.get("facts"):
            return {"facts": page_facts(data, request["name"], charset_of(request["media_type"])).as_json()}
        parsed = parse(
            request["name"],
            data,
            request["media_type"],
            include_root=Path(root) if root is not None else None,
        )
        return {"parsed": parsed.as_json()}
    except UnreadableDocument as error:
        return {"unreadable": [error.message, error.hint]}
    except OSError as error:
        return {"unreadable": [f"The file cannot be read: {error.strerror or error}.", None]}
    except MemoryError:
        return {"failed": "memory"}
    except RecursionError:
        return {"unreadable": ["Its parts are nested too deeply.", None]}
    except Exception:
        traceback.print_exc()
        return {"failed": "error"}


def _limit(memory_bytes: int) -> None:
    """Memory for data as told; address space with room for mapped libraries; no files written, no dumps."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes + 2**30, memory_bytes + 2**30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _most_bytes() -> int:
    """The most memory it ever had; 0 where that is not told. `ru_maxrss` begins with what its parent had."""
    try:
        status = Path("/proc/self/status").read_bytes()
    except OSError:
        return 0
    found = re.search(rb"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _cpu_seconds() -> int:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int(usage.ru_utime + usage.ru_stime) + 1


def _end_with_parent() -> None:
    """Waits until the other end of standard input is closed; then leaves at once."""
    poll = select.poll()
    poll.register(0, 0)
    while not any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll()):
        pass
    os._exit(0)


def _read_message(stream: BinaryIO) -> dict[str, Any] | None:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    message: dict[str, Any] = json.loads(stream.read(LENGTH.unpack(head)[0]))
    return message


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
