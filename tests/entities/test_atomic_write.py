"""A file has its name once it is whole; links, devices and pipes are written as what they are."""

import errno
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from entities import atomic_write
from entities.atomic_write import check_target, take_lock, whole, write_whole


def test_an_error_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "old é")
    assert path.read_bytes() == "old é".encode()

    def cut_short() -> None:
        with whole(path) as part:
            part.write_text("ne")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cut_short()
    assert path.read_text() == "old é"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_link_s_target_is_written(tmp_path):
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link", tmp_path / "there" / "real"
    link.symlink_to(Path("there", "real"))
    for content in ("new", "newer"):  # first it dangles
        write_whole(link, content)
        assert target.read_text() == content
        assert link.is_symlink()
    assert os.listdir(tmp_path / "there") == ["real"]


def loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda folder: folder, errno.EISDIR),
        (lambda folder: folder / "no" / "a", errno.ENOENT),
        (lambda folder: folder / "file" / "a", errno.ENOTDIR),
        (lambda folder: folder / ("x" * 256), errno.ENAMETOOLONG),
        (loop, errno.ELOOP),
        (lambda folder: Path("/dev/full"), errno.ENOSPC),
    ],
)
def test_an_error_names_the_file_that_was_asked_for(tmp_path, make, kind):
    (tmp_path / "file").touch()
    path = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match=r".") as error:
        write_whole(path, "x")
    assert (error.value.errno, error.value.filename) == (kind, str(path))
    assert sorted(tmp_path.iterdir()) == before


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / ("x" * 255)
    write_whole(path, "content")
    assert path.read_text() == "content"


def test_a_folder_takes_the_place_of_an_empty_one_and_of_nothing_else(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    with whole(tmp_path / "link") as part:
        part.mkdir()
        (part / "a").touch()
    assert os.listdir(tmp_path / "empty") == ["a"]
    with pytest.raises(OSError, match="not empty"), whole(tmp_path / "empty") as part:
        part.mkdir()
    (tmp_path / "bare").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "bare", "x")
    assert (tmp_path / "bare").is_dir()
    assert sorted(os.listdir(tmp_path)) == ["bare", "empty", "link"]


def test_devices_and_pipes_are_sent_the_content(tmp_path, monkeypatch):
    write_whole("/dev/null", "x")
    assert not Path("/dev/null").is_file()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"x" * 200_000)
    reader.join()
    assert got == [b"x" * 200_000]
    assert pipe.is_fifo()
    monkeypatch.setattr(atomic_write, "PIPE_WAIT_S", 0.05)
    with pytest.raises(OSError, match="a pipe that nobody reads"):
        write_whole(pipe, b"x")


def test_what_cannot_be_written_is_known_before_any_work(tmp_path):
    check_target(tmp_path / "new")
    check_target("/dev/null")
    with pytest.raises(FileNotFoundError):
        check_target(tmp_path / "no" / "new")
    if os.getuid():
        tmp_path.chmod(0o500)
        with pytest.raises(PermissionError):
            check_target(tmp_path / "new")


FILL = """
import resource, sys
from entities.atomic_write import write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_whole(sys.argv[1], "x" * 1000)
except OSError as error:
    print(error.filename, error.strerror)
"""


def test_a_full_disk_leaves_nothing_unfinished(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.stdout == f"{path} File too large\n", done.stderr
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 100


def test_a_lock_is_one_process_s(tmp_path):
    path = tmp_path / "lock"
    first, second = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    assert take_lock(first)
    assert not take_lock(second)
    os.close(first)
    assert take_lock(second)
    os.close(second)


def test_the_root_of_all_folders_is_no_file():
    with pytest.raises(IsADirectoryError):
        check_target("/")
