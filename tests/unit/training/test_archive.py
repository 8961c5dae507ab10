"""Archives that lie about themselves cost no memory and give no traceback."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from freehold.errors import InvalidInput
from freehold.training.archive import MAX_SAID_BYTES, forwards


def head(type: bytes, size: int, name: str = "x") -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = type, size
    return member.tobuf(tarfile.GNU_FORMAT)


def through(data: bytes, *, packed: bool = False) -> list[str]:
    with forwards(io.BytesIO(data), "x.tar", packed=packed) as tar:
        return [member.name for member in tar]


END = bytes(1024)


@pytest.mark.parametrize("type", [b"x", b"g", b"L", b"K", b"X"])
def test_what_stands_before_a_member_may_not_claim_gigabytes(type: bytes) -> None:
    with pytest.raises(InvalidInput, match="a member claims 8,589,934,592 bytes"):
        through(head(type, 2**33) + END)


@pytest.mark.parametrize(
    "data",
    [
        head(b"0", -512) + END,
        head(tarfile.GNUTYPE_SPARSE, 0),
        head(tarfile.GNUTYPE_SPARSE, 2**40) + END,
        head(b"0", 2**60),
        head(b"x", 20) + b"99999999999 path=y\n".ljust(512, b"\0") + END,
        head(b"x", MAX_SAID_BYTES),
        b"no archive" * 100,
        b"",
    ],
    ids=["negative", "holes", "large-holes", "cut", "length", "cut-attributes", "none", "empty"],
)
def test_heads_that_cannot_be_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"x\.tar is not a sound archive"):
        through(data)


def test_packed_data_that_breaks_off_is_refused(tmp_path: Path) -> None:
    data = head(b"0", 3) + b"abc".ljust(512, b"\0") + END
    packed = gzip.compress(data, mtime=0)
    assert through(packed, packed=True) == through(data) == ["x"]
    for broken in (packed[:-20], packed[:40] + bytes(20) + packed[60:], packed[:5]):
        with pytest.raises(InvalidInput):
            through(broken, packed=True)
