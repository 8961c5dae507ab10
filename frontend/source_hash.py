"""SHA-256 over the front end's sources, kept beside the built bundle.

It lets `make check` see that the committed bundle was built from the committed sources without Node; that
the bundle is what those sources build is for CI, which builds it again and compares.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

FRONTEND = Path(__file__).resolve().parent
RECORD = FRONTEND.parent / "freehold" / "web" / "static" / "source-hash.txt"
LEFT_OUT = {"node_modules", "tests", "dev", "__pycache__"}


def source_hash(folder: Path) -> str:
    """The hash over path and bytes of every file that the bundle may depend on, sorted by path."""
    files = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.is_file() and not LEFT_OUT & set(path.relative_to(folder).parts)
    )
    digest = hashlib.sha256()
    for name, path in files:
        data = path.read_bytes()
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def main() -> int:
    """Prints the hash, or compares it with the record, or writes the record."""
    parser = argparse.ArgumentParser(description="Hash of the front end's sources.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="fail unless the built bundle's record agrees")
    choice.add_argument("--write", action="store_true", help="write the record beside the built bundle")
    arguments = parser.parse_args()

    now = source_hash(FRONTEND)
    if arguments.write:
        RECORD.write_text(f"{now}\n", encoding="ascii")
    elif arguments.check:
        recorded = RECORD.read_text(encoding="ascii").strip() if RECORD.exists() else "nothing"
        if recorded != now:
            print(
                f"The built front end is not of these sources: {RECORD.name} records {recorded},"
                f" the sources hash to {now}.\n"
                "Build it: make web (or: cd frontend && npm ci && npm run build).",
                file=sys.stderr,
            )
            return 1
    else:
        print(now)
    return 0


if __name__ == "__main__":
    sys.exit(main())
