"""Films hold what was asked for, to the frame; and a film that did not finish is not there."""

import logging
import os
import resource
import signal
import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pygame
import pytest

from entities.skeleton import bone_lengths
from sim import render_video
from sim.camera.director import Director
from sim.loop import Simulation
from sim.output.video import Clip, film, prepare_frames, prepare_video
from sim.render.renderer import Renderer
from tests.conftest import at, make_scene

SIZE = (160, 90)
ROOT = Path(__file__).parents[3]


def runner(seconds: float = 1.0):
    """A runner passes a tree."""
    tree = {"id": "tree", "object_type": "tree", "position": at(4.0, 6.0)}
    return make_scene({"actions": [[0.0, "run"]]}, objects=[tree], duration=seconds)


def decode(path: Path, codec: str | None = None) -> tuple[list[av.VideoFrame], av.VideoStream]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if codec is None:
            return list(container.decode(stream)), stream
        decoder = av.CodecContext.create(codec, "r")
        packets = [packet for packet in container.demux(stream) if packet.size]
        return [frame for packet in [*packets, None] for frame in decoder.decode(packet)], stream


def boxes(path: Path) -> list[str]:
    """Names of an mp4 file's top-level boxes (ISO/IEC 14496-12, 4.2)."""
    data, names, start = path.read_bytes(), [], 0
    while start < len(data):
        length = int.from_bytes(data[start : start + 4], "big")
        names.append(data[start + 4 : start + 8].decode())
        if length == 1:
            length = int.from_bytes(data[start + 8 : start + 16], "big")
        start += length
    return names


def test_mp4_is_what_browsers_play(tmp_path):
    path = tmp_path / "out.mp4"
    render_video(runner(), path, fps=24, size=SIZE, seconds=2.0)
    frames, stream = decode(path)
    assert len(frames) == stream.frames == 48
    assert stream.average_rate == 24
    assert [frame.time for frame in frames] == pytest.approx([i / 24 for i in range(48)], abs=1e-4)
    assert (stream.width, stream.height) == SIZE
    context = stream.codec_context
    assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
    tags = context.colorspace, context.color_primaries, context.color_trc, context.color_range
    assert tags == (1, 1, 1, 1)  # BT.709 thrice, limited range
    names = boxes(path)
    assert names.index("moov") < names.index("mdat")
    assert os.listdir(tmp_path) == ["out.mp4"]


def test_pictures_change_with_time_and_colours_survive(tmp_path):
    path = tmp_path / "out.mp4"
    render_video(runner(), path, fps=10, size=(320, 180))
    job = prepare_frames(Clip(runner(), fps=10, size=(320, 180)), tmp_path / "png")
    job(None)
    film = [frame.to_ndarray(format="rgb24").astype(float) for frame in decode(path)[0]]
    for before, after in pairwise(film):
        assert np.abs(after - before).max() > 40
    stills = sorted((tmp_path / "png").iterdir())
    assert len(stills) == len(film) == 10
    for still, picture in zip(stills, film, strict=True):
        exact = decode(still)[0][0].to_ndarray(format="rgb24").astype(float)
        assert np.abs(exact.mean(axis=(0, 1)) - picture.mean(axis=(0, 1))).max() < 4.0


@pytest.mark.parametrize(
    ("suffix", "fps", "frames"),
    [(".mp4", 10, 5), (".mp4", 120, 60), (".webm", 25, 12), (".webm", 60, 30)],
)
def test_frames_are_seconds_times_rate(tmp_path, suffix, fps, frames):
    path = tmp_path / f"out{suffix}"
    render_video(runner(), path, fps=fps, size=(64, 48), seconds=0.5)
    pictures, stream = decode(path)
    assert len(pictures) == frames
    assert stream.average_rate == fps
    assert pictures[-1].time == pytest.approx((frames - 1) / fps, abs=1e-3)
    assert pictures[0].format.name == "yuv420p"


def test_gif_rounds_its_delay_and_says_so(tmp_path, caplog):
    path = tmp_path / "out.gif"
    with caplog.at_level(logging.WARNING):
        render_video(runner(), path, fps=30, size=SIZE)
    assert "33.33 fps" in caplog.text
    pictures, stream = decode(path)
    assert len(pictures) == 33
    assert stream.average_rate == Fraction(100, 3)
    assert (stream.width, stream.height) == SIZE
    first, last = (picture.to_ndarray(format="rgb24").astype(int) for picture in pictures[::32])
    assert np.abs(last - first).max() > 40
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        render_video(runner(), path, fps=25, size=SIZE)
    assert caplog.text == ""
    assert len(decode(path)[0]) == 25


def test_webm_can_be_transparent(tmp_path):
    path = tmp_path / "out.webm"
    render_video(runner(), path, size=SIZE, seconds=0.2, transparent=True)
    pictures, _ = decode(path, "libvpx-vp9")
    assert len(pictures) == 6
    alpha = pictures[3].to_ndarray(format="rgba")[..., 3]
    assert alpha.shape == (SIZE[1], SIZE[0])
    assert alpha[0, 0] < 8
    assert alpha.max() > 240
    assert 0.001 < (alpha > 128).mean() < 0.5


def test_png_frames(tmp_path):
    folder = tmp_path / "frames"
    clip = Clip(runner(), fps=20, size=SIZE, seconds=0.5, transparent=True)
    seen = []
    prepare_frames(clip, folder)(lambda done, total: seen.append((done, total)))
    assert sorted(os.listdir(folder)) == [f"frame_{i:05d}.png" for i in range(10)]
    assert os.listdir(tmp_path) == ["frames"]
    assert seen == [(i, 10) for i in range(1, 11)]
    picture = decode(folder / "frame_00004.png")[0][0]
    assert (picture.format.name, picture.width, picture.height) == ("rgba", *SIZE)
    alpha = picture.to_ndarray()[..., 3]
    assert alpha[0, 0] == 0
    assert alpha.max() == 255
    with pytest.raises(ValueError, match=r"frames: .* expected a new name"):
        prepare_frames(clip, folder)


def test_films_of_the_same_scene_are_the_same(tmp_path):
    for name in ("a", "b"):
        prepare_frames(Clip(runner(), fps=10, size=SIZE, seed=3), tmp_path / name)(None)
    for still in (tmp_path / "a").iterdir():
        assert still.read_bytes() == (tmp_path / "b" / still.name).read_bytes()


def test_whichever_process_draws_a_picture_it_is_the_same(tmp_path):
    clip = Clip(runner(), fps=30, size=SIZE)
    prepare_frames(clip, tmp_path / "stills")(None)
    simulation = clip.simulation()
    director = Director(simulation.cast, clip.scene.camera, SIZE)
    renderer, canvas = Renderer(simulation.cast, SIZE), pygame.Surface(SIZE, 0, 32)
    for i, frame in enumerate(film(simulation, Fraction(30), 30)):
        renderer.draw(canvas, frame, director.update(frame, 1 / 30 if i else 0.0))
        still = decode(tmp_path / "stills" / f"frame_{i:05d}.png")[0][0]
        alone = pygame.surfarray.array3d(canvas).swapaxes(0, 1)
        assert np.array_equal(still.to_ndarray(format="rgb24"), alone), i


@pytest.mark.parametrize("theme", ["park", "baseball", "city", "space"])
def test_a_picture_depends_on_nothing_drawn_before_it(theme):
    scene = make_scene({"actions": [[0.0, "run"]]}, theme=theme, weather="rain", duration=2.0)
    simulation = Simulation(scene)
    director = Director(simulation.cast, scene.camera, SIZE)
    frames = list(film(simulation, Fraction(10), 20))
    shots = [(f, director.update(f, 0.1 if i else 0.0)) for i, f in enumerate(frames)]

    def drawn(which: list[int]) -> dict[int, bytes]:
        renderer, canvas = Renderer(simulation.cast, SIZE), pygame.Surface(SIZE, 0, 32)
        pictures = {}
        for i in which:
            renderer.draw(canvas, *shots[i])
            pictures[i] = bytes(canvas.get_buffer().raw)
        return pictures

    whole = drawn(list(range(20)))
    assert drawn([13, 3, 19, 7]) == {i: whole[i] for i in (13, 3, 19, 7)}


@pytest.mark.parametrize("fps", [10, 24, 30, 60, 97, 120])
def test_frame_i_shows_i_over_rate_seconds(fps):
    scene = runner()
    ticks = list(Simulation(scene).frames(60))
    shown = list(film(Simulation(scene), Fraction(fps), fps))
    assert [frame.time for frame in shown] == pytest.approx([i / fps for i in range(fps)])
    for i, frame in enumerate(shown):
        before, u = divmod(Fraction(60 * i, fps), 1)
        lengths = bone_lengths(frame.joints)
        np.testing.assert_allclose(lengths, bone_lengths(ticks[before].joints), rtol=5e-3)
        if u == 0:
            assert np.array_equal(frame.joints, ticks[before].joints)
            assert np.array_equal(frame.root, ticks[before].root)
        else:
            low, high = ticks[before].root[0, 0], ticks[before + 1].root[0, 0]
            assert frame.root[0, 0] == pytest.approx(low + float(u) * (high - low))


@pytest.mark.parametrize(
    ("changes", "name", "line"),
    [
        ({}, "out.avi", r"video: 'out.avi'; expected a name ending in .mp4, .webm, .gif"),
        ({}, "missing/out.mp4", r"there is no folder"),
        ({"fps": 9}, "out.mp4", r"fps: 9; expected a whole number, 10 to 120"),
        ({"fps": 121}, "out.mp4", r"fps: 121;"),
        ({"fps": 29.97}, "out.mp4", r"fps: 29.97;"),
        ({"size": (161, 90)}, "out.mp4", r"size: 161x90; expected even sides from 16 to 7680"),
        ({"size": (160, 14)}, "out.mp4", r"size: 160x14;"),
        ({"size": (7682, 90)}, "out.mp4", r"size: 7682x90;"),
        ({"seconds": 0.0}, "out.mp4", r"seconds: 0; expected more than 0, at most 3600"),
        ({"seconds": 3601.0}, "out.mp4", r"seconds: 3601;"),
        ({"seconds": float("nan")}, "out.mp4", r"seconds: nan;"),
        ({"seconds": 0.001}, "out.mp4", r"expected at least a frame"),
        ({"transparent": True}, "out.mp4", r"transparent: .mp4 has no alpha channel"),
        ({"motion": "magic"}, "out.mp4", r"motion: .*'magic'"),
    ],
)
def test_what_cannot_be_filmed_is_refused_before_it_starts(tmp_path, changes, name, line):
    with pytest.raises(ValueError, match=line):
        prepare_video(Clip(runner(), **changes), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_folder_is_no_film(tmp_path):
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        prepare_video(Clip(runner()), tmp_path / "out.mp4")


def test_an_exception_leaves_the_old_film(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")

    def fail(done: int, total: int) -> None:
        if done == 5:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        render_video(runner(), path, size=SIZE, progress=fail)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.mp4"]
    with pytest.raises(RuntimeError, match="enough"):
        prepare_frames(Clip(runner(), size=SIZE), tmp_path / "frames")(fail)
    assert os.listdir(tmp_path) == ["out.mp4"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["take:1.mp4", "file:a.mp4", "-a.mp4", "a%03d.gif", f"{'x' * 251}.mp4", "link.mp4"]
)
def test_a_film_has_any_name_a_file_may_have(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    if name == "link.mp4":
        Path(name).symlink_to("take 1.mp4")
    render_video(runner(), name, size=(64, 36), seconds=0.5)
    target = "take 1.mp4" if name == "link.mp4" else name
    assert sorted(os.listdir()) == sorted({name, target})
    assert Path(name).is_symlink() == (name == "link.mp4")
    with av.open(f"file:{target}") as container:
        assert sum(1 for _ in container.decode(video=0)) > 10


@pytest.mark.slow
def test_a_film_goes_to_devices_too_and_says_what_they_refuse(tmp_path):
    (tmp_path / "full.mp4").symlink_to("/dev/full")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "null.mp4").symlink_to("/dev/null")
    render_video(runner(), tmp_path / "null.mp4", size=(64, 36), seconds=0.5)
    for name, reason in (("full.mp4", "No space"), ("loop.mp4", "symbolic links")):
        with pytest.raises(OSError, match=reason) as error:
            render_video(runner(), tmp_path / name, size=(64, 36), seconds=0.5)
        assert error.value.filename == str(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["full.mp4", "loop.mp4", "null.mp4"]


def command(tmp_path: Path, *arguments: str) -> list[str]:
    """The command on a scene file, so that no sentence need be understood."""
    scene = tmp_path / "scene.json"
    scene.write_text(runner(60.0).model_dump_json())
    return [sys.executable, str(ROOT / "run_sim.py"), "--scene", str(scene), *arguments]


def start(tmp_path: Path, kind: str, path: Path) -> subprocess.Popen:
    """A long render, once its unfinished file has begun to fill."""
    process = subprocess.Popen(
        command(tmp_path, kind, str(path), "--size", "320x180"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A suite started in the background has interrupts ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 30.0
    while not any(part.stat().st_size > 0 for part in path.parent.glob(".*.part")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def test_a_kill_leaves_nothing_under_the_final_name(tmp_path):
    (tmp_path / "new").mkdir()
    process = start(tmp_path, "--video", tmp_path / "new" / "out.mp4")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert not (tmp_path / "new" / "out.mp4").exists()
    deadline = time.monotonic() + 10.0
    while os.listdir(tmp_path / "new"):  # the encoder tidies up by itself
        assert not (tmp_path / "new" / "out.mp4").exists()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_nothing_at_all(tmp_path, sign, code):
    (tmp_path / "new").mkdir()
    process = start(tmp_path, "--video", tmp_path / "new" / "out.mp4")
    process.send_signal(sign)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == code
    assert b"Traceback" not in errors
    assert os.listdir(tmp_path / "new") == []


@pytest.mark.slow
@pytest.mark.parametrize("target", [["--video", "out.mp4"], ["--frames", "stills"]])
def test_a_full_disk_is_one_clear_line(tmp_path, target):
    new = tmp_path / "new"
    new.mkdir()
    with start(tmp_path, target[0], new / target[1]) as process:
        (encoder,) = children(process.pid)
        resource.prlimit(encoder, resource.RLIMIT_FSIZE, (100, 100))
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.decode() == f"stride: {new / target[1]}: File too large\n"
    assert said == b""
    assert os.listdir(new) == []


def test_no_room_for_pictures_is_one_clear_line(tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))

    done = subprocess.run(
        command(tmp_path, "--video", str(tmp_path / "out.mp4")),
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )
    assert done.returncode == 2
    assert done.stderr == "stride: 22118400 bytes of shared memory: File too large\n"
    assert os.listdir(tmp_path) == ["scene.json"]


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
