"""The data folder's lock: one process at a time uses it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from freehold.errors import HomeInUse, NoRoom, Unavailable


class HomeLock:
    """An flock on `<home>/.lock`, given back by the kernel when its process ends, however it ends.

    The file stays: unlinking it would let two processes hold locks on two files of one name. The
    descriptor is not inherited by children, so a child that outlives us does not hold the folder.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / ".lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Takes the folder; makes it first where it is missing.

        Raises:
            HomeInUse: another process (or another lock in this one) holds it.
            Unavailable: the folder cannot be made or written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(
                f"The data folder {self.path.parent} cannot be used: {error.strerror}.",
                hint="Name another with --home or FREEHOLD_HOME.",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            if not isinstance(error, BlockingIOError):
                raise Unavailable(
                    f"The data folder {self.path.parent} cannot be locked: {error.strerror}.",
                    hint="Keep the data folder on a local disk.",
                ) from error
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise HomeInUse(
                f"The data folder {self.path.parent} is in use by {who}.",
                hint="Stop it with `freehold down`, or name another folder with --home.",
            ) from None
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        except OSError as error:
            os.close(descriptor)
            raise NoRoom(
                f"The data folder {self.path.parent} cannot be written: {error.strerror}.",
                hint="Free space on its disk.",
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Gives the folder back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> HomeLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
