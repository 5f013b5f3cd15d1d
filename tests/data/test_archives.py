"""Archives that lie: each is refused with its name, and nothing is written anywhere."""

from __future__ import annotations

import gzip
import io
import re
import stat
import struct
import tarfile
import tracemalloc
import zipfile

import pytest

from tenor.data import archives
from tenor.data.archives import read_members
from tenor.errors import DataError

WANTED = re.compile(r"(?:.*/)?wanted\.txt")


def tar(path, *members):
    with tarfile.open(path, "w:gz") as archive:
        for name, data, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(data), "/etc/passwd"
            archive.addfile(member, io.BytesIO(data))
    return path


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, mode in members:
            member = zipfile.ZipInfo(name)
            member.external_attr, member.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    return path


def both(tmp_path, *members):
    """The same members in a tar and in a zip."""
    kinds = {"file": (tarfile.REGTYPE, 0o100644)}
    yield tar(tmp_path / "a.tar.gz", *((name, data, kinds[kind][0]) for name, data, kind in members))
    yield zipped(tmp_path / "a.zip", *((name, data, kinds[kind][1]) for name, data, kind in members))


def refused(path, message):
    with pytest.raises(DataError, match=message) as error:
        list(read_members(path, WANTED))
    assert str(path) in str(error.value)


def test_only_wanted_members_are_read(tmp_path):
    for path in both(tmp_path, ("wanted.txt", b"yes", "file"), ("other.txt", b"no", "file")):
        assert list(read_members(path, WANTED)) == [("wanted.txt", b"yes")]


@pytest.mark.parametrize("name", ["../../wanted.txt", "/tmp/wanted.txt", r"..\wanted.txt", "a/../wanted.txt"])
def test_a_name_that_leads_out_of_the_folder_writes_nothing(tmp_path, name, monkeypatch):
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    for path in both(inside, (name, b"evil", "file")):
        list(read_members(path, WANTED))
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.tar.gz", "a.zip"]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_a_link_or_a_device_in_a_tar_is_refused(tmp_path, kind):
    path = tar(tmp_path / "a.tar.gz", ("wanted.txt", b"", kind))
    refused(path, r"wanted.txt is a link or a device, not a file")


def test_a_link_in_a_zip_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", ("wanted.txt", b"/etc/passwd", stat.S_IFLNK | 0o777))
    refused(path, r"wanted.txt is a link or a device, not a file")


def test_a_member_that_comes_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        paths = list(both(tmp_path, ("wanted.txt", b"one", "file"), ("wanted.txt", b"two", "file")))
    for path in paths:
        refused(path, "has wanted.txt twice")


def test_a_member_that_unpacks_without_end_is_refused_in_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MEMBER_LIMIT_BYTES", 2**20)
    for path in both(tmp_path, ("wanted.txt", bytes(2**26), "file")):
        tracemalloc.start()
        refused(path, r"wanted.txt unpacks to more than 1,048,576 bytes, which no corpus has")
        assert tracemalloc.get_traced_memory()[1] < 2**24
        tracemalloc.stop()


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "ARCHIVE_LIMIT_BYTES", 2**20)
    path = tar(tmp_path / "a.tar.gz", ("other.txt", bytes(2**24), tarfile.REGTYPE))
    refused(path, r"unpacks to more than 1,048,576 bytes, which no corpus has")


def test_a_gzip_bomb_behind_the_last_member_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "ARCHIVE_LIMIT_BYTES", 2**20)
    path = tar(tmp_path / "a.tar.gz", ("wanted.txt", b"yes", tarfile.REGTYPE))
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(2**24)))
    refused(path, r"unpacks to more than 1,048,576 bytes")


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", ("wanted.txt", b"x" * 1000, 0o100644))
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 10)  # the unpacked size of the directory
    path.write_bytes(data)
    refused(path, "is damaged or no zip archive")


def test_an_encrypted_member_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", ("wanted.txt", b"x" * 100, 0o100644))
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    path.write_bytes(data)
    refused(path, "is damaged or no zip archive .*encrypted")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_archive_is_refused(tmp_path, share):
    for path in both(tmp_path, ("wanted.txt", bytes(range(256)) * 40, "file")):
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        refused(path, "is damaged or no .* archive")


def test_no_flipped_bit_changes_what_is_read(tmp_path):
    for path in both(tmp_path, ("wanted.txt", b"the film is not good " * 20, "file")):
        data, good = path.read_bytes(), list(read_members(path, WANTED))
        for place in range(0, len(data) * 8, 7):
            damaged = bytearray(data)
            damaged[place // 8] ^= 1 << place % 8
            path.write_bytes(damaged)
            try:
                found = list(read_members(path, WANTED))
            except DataError:
                continue
            assert found in (good, []) or found[0][1] == good[0][1]
