"""One process at a time uses a data folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.errors import HomeInUse, Unavailable
from freehold.store.lock import HomeLock

HOLD = """
import sys, pathlib
from freehold.store.lock import HomeLock
HomeLock(pathlib.Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_lock_is_refused_and_names_the_holder(tmp_path: Path) -> None:
    with HomeLock(tmp_path), pytest.raises(HomeInUse, match=f"process {os.getpid()}"):
        HomeLock(tmp_path).acquire()
    with HomeLock(tmp_path):
        pass


def test_releasing_twice_is_harmless(tmp_path: Path) -> None:
    lock = HomeLock(tmp_path)
    lock.release()
    lock.acquire()
    lock.release()
    lock.release()


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    with HomeLock(home):
        assert home.stat().st_mode & 0o777 == 0o700
        assert (home / ".lock").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be used"):
        HomeLock(tmp_path / "file" / "home").acquire()


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(HomeInUse, match=f"process {holder.pid}"):
            HomeLock(tmp_path).acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with HomeLock(tmp_path):
            assert (tmp_path / ".lock").read_text().strip() == str(os.getpid())


def test_a_child_that_outlives_its_parent_does_not_hold_the_folder(tmp_path: Path) -> None:
    lock = HomeLock(tmp_path)
    lock.acquire()
    command = [sys.executable, "-c", "import sys; print('runs', flush=True); sys.stdin.read()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False
    ) as child:  # inherits all that it can
        assert child.stdout is not None
        assert child.stdout.readline() == b"runs\n"
        lock.release()
        with HomeLock(tmp_path):
            assert child.poll() is None
