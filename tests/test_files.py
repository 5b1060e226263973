"""Files are there as a whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from spafit.errors import SpafitError
from spafit.files import read_at_most, require_space, whole_file, write_whole


def test_a_file_is_written_whole_or_not_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "cache" / "deep" / "a.json"
    write_whole(path, b"first")
    real = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        real(self, content[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SpafitError, match=r"a\.json cannot be written \(No space left on device\)"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_whose_writer_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "deep" / "a.bin"
    with whole_file(path, durable=durable) as scratch:
        scratch.write_bytes(b"first")
        assert not path.exists()
    with pytest.raises(RuntimeError), whole_file(path, durable=durable) as scratch:
        scratch.write_bytes(b"sec")
        raise RuntimeError
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_space_is_looked_for_where_a_folder_will_be(tmp_path: Path) -> None:
    require_space(tmp_path / "not" / "yet", 1, "A test")
    with pytest.raises(SpafitError, match=r"^A test needs 1,000 TB of disk, and .* are free"):
        require_space(tmp_path / "not" / "yet", 10**15, "A test")


def test_a_file_is_read_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"12345")
    assert (read_at_most(path, 4), read_at_most(path, 6)) == (b"1234", b"12345")
    with pytest.raises(SpafitError, match=r"^The list cannot be read \(Is a directory\)\.$"):
        read_at_most(tmp_path, 4, "The list")
