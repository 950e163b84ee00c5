"""A scene as a film: mp4, webm, gif or numbered PNG files.

This process simulates and draws; the encoder process encodes and draws as well
(``encoder.py``), so that two cores are busy whatever the scene is like. A file has its final name
only once it is whole.
"""

import logging
import math
import mmap
import os
import pickle
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Self

from entities.atomic_write import check_target, whole
from entities.scene import MAX_DURATION_S, Scene
from entities.units import DT
from sim.camera.director import Director
from sim.camera.pinhole import Camera
from sim.frame import Frame, interpolate
from sim.loop import Simulation
from sim.output.encoder import CODECS, SYSTEM_REFUSED, FilmJob, FrameRasterizer

log = logging.getLogger(__name__)

MIN_FPS, MAX_FPS = 10, 120
MIN_SIDE_PX, MAX_SIDE_PX = 16, 7680
TICKS_PER_S = round(1.0 / DT)
SLOTS = 6
"""Pictures drawn here ahead of the encoder: enough to ride out a slow frame on either side."""
LEAST_AHEAD = 2
"""With fewer unfinished pictures than this, the encoder is sent the next one to draw itself."""
BLOCK_TICKS = 16
"""Ticks evaluated at once: few enough that the encoder does not run out of work meanwhile."""
GIF_MIN_DELAY_CS = 2
"""Hundredths of a second; browsers slow anything shorter down to ten."""
GIF_SAMPLE_EVERY = 5
"""A gif's 256 colours are chosen from one frame in so many."""

Progress = Callable[[int, int], None]
"""Called with the number of frames drawn and of frames in all."""
Job = Callable[[Progress | None], None]
"""Makes the prepared film, once. Raises OSError where the file system refuses; then, and when
interrupted, nothing is left behind and an existing file stays as it was."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A film to make: ``frames`` pictures, picture i at i / fps seconds.

    fps: 10 to 120. size: even, 16 to 7680 px. seconds: the scene's duration by default.
    seed, motion: as for ``simulate``. transparent: an alpha channel instead of a stage.
    run: makes the simulation to film, instead of a new one of the scene.
    Raises ValueError for a value outside its range.
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
        """Length of the film, s."""
        return self.scene.duration if self.seconds is None else self.seconds

    @property
    def frames(self) -> int:
        """Number of pictures; one of a scene that is a tick long."""
        least = 1 if self.length_s >= 0.999 * DT else 0
        return max(round(Fraction(self.length_s) * self.fps), least)

    def simulation(self) -> Simulation:
        """A new run to film. Raises ValueError if the scene cannot be built."""
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

    Raises ValueError for everything that can be checked before the first picture.
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
    Raises ValueError for everything that can be checked before the first picture.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"frames: {folder} exists and is no empty folder; expected a new name")
    return _job(clip, folder, ".png", Fraction(clip.fps), clip.frames, 0)


def film(simulation: Simulation, rate: Fraction, n_frames: int) -> Iterator[Frame]:
    """Frames of a run: frame i at i / rate seconds, interpolated between two ticks if need be."""
    per_frame = TICKS_PER_S / rate
    ticks = _ticks(simulation, math.ceil((n_frames - 1) * per_frame))
    before = after = next(ticks)
    reached = 0
    for i in range(n_frames):
        where = i * per_frame
        while reached < where:
            before, after, reached = after, next(ticks), reached + 1
        yield interpolate(before, after, 1.0 - float(reached - where))


def _ticks(simulation: Simulation, n_ticks: int) -> Iterator[Frame]:
    """Frames of this tick and the ``n_ticks`` after it."""
    for first in range(0, n_ticks + 1, BLOCK_TICKS):
        if first:
            simulation.step()
        yield from simulation.frames(min(BLOCK_TICKS, n_ticks + 1 - first) - 1)


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
    check_target(path)
    simulation = clip.simulation()
    film_job = FilmJob(
        path="",
        kind=kind,
        size=clip.size,
        rate=rate,
        frames=frames,
        samples=samples,
        transparent=clip.transparent,
        cast=simulation.cast,
        slots=SLOTS,
    )

    def job(progress: Progress | None = None) -> None:
        with whole(path) as part, _Encoder(replace(film_job, path=str(part))) as encoder:
            if samples:
                sparse = rate / GIF_SAMPLE_EVERY
                _produce(clip.simulation(), clip, sparse, samples, encoder, None)
            _produce(simulation, clip, rate, frames, encoder, progress)
            encoder.finish()

    return job


class _Encoder:
    """The encoder process, running as long as the with block lasts."""

    def __init__(self, job: FilmJob) -> None:
        self._job = job
        self._rasterizer = FrameRasterizer(job)
        self._told = job.cast
        self._free = list(range(job.slots))
        self._sent: deque[int | None] = deque()  # slots of the pictures that are unfinished

    def __enter__(self) -> Self:
        self._memory, name = shared_memory(self._job.shared_bytes)
        self._pictures = self._job.pictures(mmap.mmap(self._memory.fileno(), 0))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", ENCODER_PROGRAM, name, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; it sees its stdin close
        )
        self._done: SimpleQueue[bool] = SimpleQueue()
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._send(self._job)
        return self

    def _listen(self) -> None:
        """Count the finished pictures, a byte for each, to the end of the process."""
        while finished := os.read(self._process.stdout.fileno(), 64):
            for _ in finished:
                self._done.put(True)
        self._done.put(False)

    def show(self, frame: Frame, camera: Camera) -> None:
        """Add a picture to the film. Raises OSError if earlier ones could not be written."""
        while self._sent and (not self._done.empty() or not self._free):
            self._receive_done()
        if len(self._sent) < LEAST_AHEAD:
            # A cast goes over once, so that the other process knows it again.
            new, self._told = None if frame.cast is self._told else frame.cast, frame.cast
            self._send((new, replace(frame, cast=None), camera))
            self._sent.append(None)
        else:
            slot = self._free.pop()
            self._rasterizer.draw(self._pictures[slot], frame, camera)
            self._send(slot)
            self._sent.append(slot)

    def finish(self) -> None:
        """Wait until the film is written. Raises OSError if it could not be."""
        with suppress(OSError):  # it has ended; its exit code says why
            self._process.stdin.close()
        errors = self._process.stderr.read()
        code = self._process.wait()
        if code == SYSTEM_REFUSED:
            number = int(errors)
            raise OSError(number, os.strerror(number))
        if code:
            raise RuntimeError(f"the encoder ended with {code}: {errors.decode(errors='replace')}")

    def _send(self, message: object) -> None:
        try:
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            self.finish()

    def _receive_done(self) -> None:
        """Wait until the oldest picture is finished, and free its slot."""
        if not self._done.get():
            self.finish()
        slot = self._sent.popleft()
        if slot is not None:
            self._free.append(slot)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):  # what was not sent is of no use to anybody
                stream.close()
        self._memory.close()


# What libraries print must not be taken for answers, so the answers' pipe is put aside first.
ENCODER_PROGRAM = """
import os, sys
answers = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
memory, *sys.path = sys.argv[1:]
from sim.output.encoder import main
main(memory, answers)
"""


def shared_memory(n_bytes: int) -> tuple[IO[bytes], str]:
    """A file in memory, and a name by which another process opens it while it is open here.

    Raises OSError if there is no room for it.
    """
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("pictures"), "w+b")
        name = f"/proc/{os.getpid()}/fd/{file.fileno()}"
    else:
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - the caller closes it
        name = file.name
    try:
        file.truncate(n_bytes)
    except OSError as error:
        file.close()
        raise OSError(error.errno, error.strerror, f"{n_bytes} bytes of shared memory") from None
    return file, name


def _produce(
    simulation: Simulation,
    clip: Clip,
    rate: Fraction,
    frames: int,
    encoder: _Encoder,
    progress: Progress | None,
) -> None:
    """Send every picture of a clip to the encoder."""
    director = Director(simulation.cast, simulation.scene.camera, clip.size)
    for i, frame in enumerate(film(simulation, rate, frames)):
        encoder.show(frame, director.update(frame, float(1 / rate) if i else 0.0))
        if progress is not None:
            progress(i + 1, frames)
