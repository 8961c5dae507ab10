"""Records and runs' files on a disk that has no room for them."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from freehold.errors import NoRoom
from freehold.evaluation.records import Records
from freehold.evaluation.shelf import replace_file


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def record(name: str, text: str = "") -> dict[str, str]:
    return {"id": name, "outcome": "answered", "text": text}


def test_a_record_that_finds_no_room_leaves_nothing_and_the_rest_stays(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.open()
    records.append(record("1"))
    before = records.path.read_bytes()
    with no_file_larger_than(100), pytest.raises(NoRoom, match=r"records\.jsonl cannot be written"):
        records.append(record("2", "x" * 500))
    assert records.path.read_bytes() == before
    records.append(record("3"))
    records.close()
    assert [each["id"] for each in Records(tmp_path)] == ["1", "3"]


def test_what_is_appended_after_a_cut_off_line_begins_a_line(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.path.write_text(json.dumps(record("1")) + "\n" + '{"id": "2", "outc')
    assert records.open() == {"1"}
    records.append(record("3"))
    records.close()
    assert [each["id"] for each in Records(tmp_path)] == ["1", "3"]


def test_a_runs_file_that_finds_no_room_leaves_the_old_one(tmp_path: Path) -> None:
    replace_file(tmp_path / "run.json", "old")
    with no_file_larger_than(100), pytest.raises(NoRoom, match="the disk is full"):
        replace_file(tmp_path / "run.json", "x" * 500)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("run.json", "old")]
