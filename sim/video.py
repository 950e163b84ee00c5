"""A scene as a film: mp4, webm, gif or numbered PNG files.

This process simulates and draws while another one converts and encodes (``encode.py``), so two
cores are used. A file has its final name only once it is whole.
"""

import logging
import math
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import pygame

from entities.scene import MAX_DURATION_S, Scene
from entities.units import DT
from sim.director import Director
from sim.encode import CODECS, SYSTEM_SAYS_NO, Order
from sim.frame import Frame, interpolate
from sim.loop import Simulation
from sim.render import Renderer

log = logging.getLogger(__name__)

MIN_FPS, MAX_FPS = 10, 120
MIN_SIDE_PX, MAX_SIDE_PX = 16, 7680
TICKS_PER_S = round(1.0 / DT)
CANVASES = 4
"""Pictures drawn ahead of the encoder: enough to ride out a slow frame on either side."""
GIF_MIN_DELAY_CS = 2
"""Hundredths of a second; browsers slow anything shorter down to ten."""
GIF_SAMPLE_EVERY = 5
"""One frame in so many is looked at when a gif's 256 colours are chosen."""

Progress = Callable[[int, int], None]
"""Called with the number of frames drawn and of frames in all."""
Job = Callable[[Progress | None], None]
"""Makes what was prepared, once. Raises OSError for what the file system refuses; then, and when
interrupted, nothing is left behind and an existing file stays as it was."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What is to be filmed: ``frames`` pictures, picture i at i / rate seconds.

    fps: 10 to 120. size: even, 16 to 7680 px. seconds: the scene's duration by default.
    seed, motion: as for ``simulate``. transparent: an alpha channel instead of a stage.
    run: gives the run to film, instead of a new one of the scene.
    Raises ValueError for what cannot be asked.
    """

    scene: Scene
    fps: int = 30
    size: tuple[int, int] = (1280, 720)
    seconds: float | None = None
    seed: int | None = None
    motion: str | None = None
    transparent: bool = False
    model: Path | None = None
    run: Callable[[], Simulation] | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.fps, int) and MIN_FPS <= self.fps <= MAX_FPS):
            raise ValueError(f"fps: {self.fps}; expected a whole number, {MIN_FPS} to {MAX_FPS}")
        check_size(self.size)
        if not 0.0 < self.length_s <= MAX_DURATION_S:
            raise ValueError(
                f"seconds: {self.length_s:g}; expected more than 0, at most {MAX_DURATION_S:g}"
            )
        if self.frames < 1:
            raise ValueError(f"seconds: {self.length_s:g}; expected at least a frame, 1/{self.fps}")

    @property
    def length_s(self) -> float:
        """How long the film is to be."""
        return self.scene.duration if self.seconds is None else self.seconds

    @property
    def frames(self) -> int:
        """How many pictures that makes."""
        return round(Fraction(self.length_s) * self.fps)

    def simulation(self) -> Simulation:
        """A run to film. Raises ValueError if the scene cannot be built."""
        if self.run is not None:
            return self.run()
        return Simulation(self.scene, self.seed, self.motion, self.model)


def check_size(size: tuple[int, int]) -> None:
    """Raises ValueError unless codecs take pictures of this size in pixels."""
    if any(side % 2 or not MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in size):
        raise ValueError(
            f"size: {size[0]}x{size[1]}; expected even sides from {MIN_SIDE_PX} to {MAX_SIDE_PX}"
        )


def render_video(
    scene: Scene,
    path: str | os.PathLike[str],
    *,
    fps: int = 30,
    size: tuple[int, int] = (1280, 720),
    seconds: float | None = None,
    seed: int | None = None,
    motion: str | None = None,
    model: Path | None = None,
    transparent: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write a scene to an mp4, webm or gif file: seconds x fps frames, frame i at i / fps.

    A gif's delay is whole hundredths of a second, so its rate is rounded and the log says to
    what. Arguments and errors: see Clip, prepare_video and Job.
    """
    clip = Clip(scene, fps, size, seconds, seed, motion, transparent, model)
    prepare_video(clip, path)(progress)


def prepare_video(clip: Clip, path: str | os.PathLike[str]) -> Job:
    """Check that ``clip`` can become an mp4, webm or gif file at ``path``.

    Raises ValueError for everything that can be known before the first picture.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in CODECS:
        raise ValueError(f"video: {path.name!r}; expected a name ending in {', '.join(CODECS)}")
    if clip.transparent and CODECS[kind].transparent_pixels is None:
        raise ValueError(f"transparent: {kind} has no alpha channel; expected .webm or PNG frames")
    if path.is_dir():
        raise ValueError(f"video: {path} is a folder; expected a file name")
    rate, frames, samples = Fraction(clip.fps), clip.frames, 0
    if kind == ".gif":
        rate, frames = _gif_rate(clip)
        samples = math.ceil(frames / GIF_SAMPLE_EVERY)
    return _job(clip, path, kind, rate, frames, samples)


def prepare_frames(clip: Clip, folder: str | os.PathLike[str]) -> Job:
    """Check that ``clip`` can become ``folder``/frame_00000.png …

    The folder appears when all its files are whole; it must not exist yet, or be empty.
    Raises ValueError for everything that can be known before the first picture.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"frames: {folder} exists and is no empty folder; expected a new name")
    return _job(clip, folder, ".png", Fraction(clip.fps), clip.frames, 0)


def film(simulation: Simulation, rate: Fraction, n_frames: int) -> Iterator[Frame]:
    """Frame i of a run is what it shows at i / rate seconds, between two ticks if need be."""
    per_frame = TICKS_PER_S / rate
    ticks = simulation.frames(math.ceil((n_frames - 1) * per_frame))
    before = after = next(ticks)
    reached = 0
    for i in range(n_frames):
        where = i * per_frame
        while reached < where:
            before, after, reached = after, next(ticks), reached + 1
        yield interpolate(before, after, 1.0 - float(reached - where))


def _gif_rate(clip: Clip) -> tuple[Fraction, int]:
    """The nearest rate whose delay is whole hundredths of a second, and its number of frames."""
    delay = max(GIF_MIN_DELAY_CS, round(Fraction(100, clip.fps)))
    rate = Fraction(100, delay)
    if rate != clip.fps:
        log.warning(
            "gif: %d fps is no delay of whole hundredths of a second from %d up; "
            "written with %d, %.4g fps",
            clip.fps,
            GIF_MIN_DELAY_CS,
            delay,
            rate,
        )
    return rate, max(1, round(Fraction(clip.length_s) * rate))


def _job(clip: Clip, path: Path, kind: str, rate: Fraction, frames: int, samples: int) -> Job:
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")
    # Beside the final name, so that the one step from unfinished to finished is a rename.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    order = Order(
        str(part), kind, clip.size, rate.as_integer_ratio(), frames, samples, clip.transparent
    )
    simulation = clip.simulation()

    def job(progress: Progress | None = None) -> None:
        with _Encoder(order, path) as encoder:
            if samples:
                sparse = rate / GIF_SAMPLE_EVERY
                _produce(clip.simulation(), clip, sparse, samples, encoder.write, None)
            _produce(simulation, clip, rate, frames, encoder.write, progress)
            encoder.finish()
            if path.is_dir():
                path.rmdir()
            os.replace(part, path)

    return job


class _Encoder:
    """The process that makes files of pictures, as long as the with block lasts."""

    def __init__(self, order: Order, path: Path) -> None:
        self._order, self._path = order, path

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._order.command(),
            bufsize=0,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; it learns of it by the end of its pictures
        )
        return self

    def write(self, canvas: pygame.Surface) -> None:
        """Hand a picture over. Raises OSError if the last ones could not be written."""
        left = memoryview(canvas.get_buffer())
        try:
            while left:
                left = left[self._process.stdin.write(left) :]
        except BrokenPipeError:
            self.finish()

    def finish(self) -> None:
        """Wait until all is written. Raises OSError if it could not be."""
        _, said = self._process.communicate()
        code = self._process.returncode
        if code == SYSTEM_SAYS_NO:
            number = int(said)
            raise OSError(number, os.strerror(number), str(self._path))
        if code:
            raise RuntimeError(f"the encoder ended with {code}: {said.decode(errors='replace')}")

    def __exit__(self, *_: object) -> None:
        with self._process:  # closes its pipes and waits for it
            self._process.kill()
        part = Path(self._order.path)
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def _produce(
    simulation: Simulation,
    clip: Clip,
    rate: Fraction,
    frames: int,
    write: Callable[[pygame.Surface], None],
    progress: Progress | None,
) -> None:
    """Draw every picture of a clip here, while a thread hands them to ``write`` in order."""
    director = Director(simulation.cast, simulation.scene.camera, clip.size)
    renderer = Renderer(simulation.cast, clip.size, transparent=clip.transparent)
    flags = pygame.SRCALPHA if clip.transparent else 0
    canvases = [pygame.Surface(clip.size, flags, 32) for _ in range(CANVASES)]
    jobs: deque[Future[None]] = deque()
    worker = ThreadPoolExecutor(1)
    try:
        for i, frame in enumerate(film(simulation, rate, frames)):
            if len(jobs) == CANVASES:
                jobs.popleft().result()
            canvas = canvases[i % CANVASES]
            camera = director.update(frame, float(1 / rate) if i else 0.0)
            renderer.draw(canvas, frame, camera)
            jobs.append(worker.submit(write, canvas))
            if progress is not None:
                progress(i + 1, frames)
        for job in jobs:
            job.result()
    finally:
        worker.shutdown(cancel_futures=True)
