import pytest

from evidence.domain.errors import BadInput
from evidence.io.store import write_text


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "report.md"
    write_text(path, "ρ = .4\n")
    assert path.read_bytes() == "ρ = .4\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_kept_unless_forced(tmp_path):
    path = tmp_path / "report.md"
    path.write_text("old")
    with pytest.raises(BadInput, match="found an existing file, wanted another name, or --force"):
        write_text(path, "new")
    assert path.read_text() == "old"
    write_text(path, "new", force=True)
    assert path.read_text() == "new"


def test_a_folder_or_a_device_is_never_overwritten(tmp_path):
    for path in (tmp_path, tmp_path / "pipe"):
        if path != tmp_path:
            path.symlink_to("/dev/null")
        with pytest.raises(BadInput, match="no regular file"):
            write_text(path, "x", force=True)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BadInput, match="found no folder"):
        write_text(tmp_path / "no" / "report.md", "x")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "report.md"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800", force=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
