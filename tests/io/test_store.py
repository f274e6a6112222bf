import pytest

from evidence.domain.errors import BadInput
from evidence.io.store import replacing_files, write_text


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "report.md"
    write_text(path, "ρ = .4\n")
    assert path.read_bytes() == "ρ = .4\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_s15_an_existing_file_is_kept_unless_forced(tmp_path):
    path = tmp_path / "report.md"
    path.write_text("old")
    with pytest.raises(BadInput, match="found an existing file, wanted another name, or --force"):
        write_text(path, "new")
    assert path.read_text() == "old"
    write_text(path, "new", force=True)
    assert path.read_text() == "new"


def test_s15_a_folder_or_a_device_is_never_overwritten(tmp_path):
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


def test_a_new_folder_appears_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "base"
    with pytest.raises(ZeroDivisionError), replacing_files(folder, ["a"]) as temporary:
        (temporary / "a").write_text("half")
        1 / 0  # noqa: B018 (whatever goes wrong)
    assert list(tmp_path.iterdir()) == []
    with replacing_files(folder, ["a"]) as temporary:
        (temporary / "a").write_text("whole")
    assert [path.read_text() for path in folder.iterdir()] == ["whole"]
    assert list(tmp_path.iterdir()) == [folder]


def test_files_of_a_folder_are_replaced_together_and_others_stay(tmp_path):
    (tmp_path / "base").mkdir()
    for name in "ac":
        (tmp_path / "base" / name).write_text("old")
    with pytest.raises(BadInput, match="found an existing file"), replacing_files(tmp_path / "base", "ab"):
        pass
    with pytest.raises(FileNotFoundError), replacing_files(tmp_path / "base", "ab", force=True):
        raise FileNotFoundError
    assert (tmp_path / "base" / "a").read_text() == "old"
    with replacing_files(tmp_path / "base", "ab", force=True) as temporary:
        for name in "ab":
            (temporary / name).write_text("new")
    assert {path.name: path.read_text() for path in (tmp_path / "base").iterdir()} == {
        "a": "new",
        "b": "new",
        "c": "old",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_a_file_in_a_folders_place_and_a_folder_nowhere_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    for path, says in (
        (tmp_path / "file", "no folder, wanted a folder"),
        (tmp_path / "no" / "base", "found no folder"),
    ):
        with pytest.raises(BadInput, match=says), replacing_files(path, ["a"]):
            pass
