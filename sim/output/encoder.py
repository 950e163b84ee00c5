"""The encoder process of a film: it makes files of pictures, and draws a share of them itself.

On stdin it receives a FilmJob and then the pictures in order, pickled, each as a slot of the shared
memory or as a frame and a camera to draw; a byte answers each. Its exit code says how it ended; on
SYSTEM_REFUSED the errno is on stderr. It removes what it leaves unfinished.
"""

import mmap
import os
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
import pygame
from av.filter.context import FilterContext
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from entities.files import media_url
from sim.camera.pinhole import Camera
from sim.frame import Cast, Frame
from sim.render.renderer import Renderer

SYSTEM_REFUSED = 3
"""Exit code after an OSError of the file system."""
BT709 = 1
"""The number of BT.709's primaries and of its transfer curve, ITU-T H.273 tables 2 and 3."""
PNG_COMPRESSION = "3"
"""choice: 9 takes five times as long for 10 % of the size."""

Convert = Callable[[av.VideoFrame | None], list[av.VideoFrame]]
"""Converts a picture to the codec's pixel format; None flushes the pictures held back."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How one kind of film file is written."""

    name: str
    container: str
    pixels: str
    transparent_pixels: str | None
    options: dict[str, str]
    container_options: dict[str, str]


# Measured on a park with five people at 1280x720, one core: ultrafast with a fixed quantiser takes
# 2.2 ms a frame; crf 23 with adaptive quantisation 3.6 ms for as many bits and the same luma PSNR,
# 45.8 dB; superfast three times as long for a quarter less, veryfast five times for 40 % less.
# Converting the colours takes 2.3 ms, and six times real time leaves 5.5 ms for all.
X264 = {"preset": "ultrafast", "qp": "22"}
VP9 = {"deadline": "realtime", "cpu-used": "6", "row-mt": "1", "crf": "28", "b": "0"}
CODECS: dict[str, Codec] = {
    ".mp4": Codec("libx264", "mp4", "yuv420p", None, X264, {"movflags": "+faststart"}),
    ".webm": Codec("libvpx-vp9", "webm", "yuv420p", "yuva420p", VP9, {}),
    ".gif": Codec("gif", "gif", "pal8", None, {}, {}),
}


@dataclass(frozen=True, slots=True, eq=False)
class FilmJob:
    """A film to make: ``samples`` pictures to choose a gif's colours by, then ``frames``."""

    path: str
    kind: str  # a suffix of CODECS, or ".png": path is then a folder
    size: tuple[int, int]  # px
    rate: Fraction  # 1/s
    frames: int
    samples: int
    transparent: bool
    cast: Cast
    slots: int  # pictures that the shared memory holds

    @property
    def shared_bytes(self) -> int:
        """Size of the shared memory. Pictures are rows of 32-bit pixels, blue first."""
        return 4 * self.slots * self.size[0] * self.size[1]

    def pictures(self, memory: mmap.mmap) -> np.ndarray:
        """The shared memory as pictures (slots, height, width, 4)."""
        return np.frombuffer(memory, np.uint8).reshape(self.slots, self.size[1], self.size[0], 4)


class FrameRasterizer:
    """Draws the pictures of a job; the pixels do not depend on the process that does it."""

    def __init__(self, job: FilmJob) -> None:
        self._renderer = Renderer(job.cast, job.size, transparent=job.transparent)
        flags = pygame.SRCALPHA if job.transparent else 0
        self._canvas = pygame.Surface(job.size, flags, 32)

    def draw(self, pixels: np.ndarray, frame: Frame, camera: Camera) -> None:
        """Fill ``pixels`` (height, width, 4) with what the camera sees of a frame."""
        self._renderer.draw(self._canvas, frame, camera)
        pixels.reshape(-1)[:] = np.frombuffer(self._canvas.get_buffer(), np.uint8)


class _Source:
    """The job and the pictures that the other process sends."""

    def __init__(self, messages: IO[bytes], memory: str, answers: int) -> None:
        """memory: name of the shared memory. answers: file descriptor.

        Raises EOFError if no job comes.
        """
        self.job: FilmJob = _received(messages)
        self._messages, self._answers = messages, answers
        with open(memory, "r+b") as file:
            self._shared = self.job.pictures(mmap.mmap(file.fileno(), self.job.shared_bytes))
        self._rasterizer = FrameRasterizer(self.job)
        self._cast = self.job.cast
        self._own = np.empty_like(self._shared[0])

    def pictures(self, count: int) -> Iterator[av.VideoFrame]:
        """The next ``count`` pictures; each is valid until the next one is asked for.

        Raises EOFError if the other process has gone.
        """
        for _ in range(count):
            received = _received(self._messages)
            if isinstance(received, int):
                picture = self._shared[received]
            else:
                cast, frame, camera = received
                frame.cast = self._cast = cast or self._cast
                self._rasterizer.draw(picture := self._own, frame, camera)
            yield av.VideoFrame.from_numpy_buffer(picture, "bgra")
            try:
                os.write(self._answers, b".")
            except OSError:
                raise EOFError from None


def _received(messages: IO[bytes]) -> Any:
    """The next message. Raises EOFError if the other process has gone, in the middle of it even."""
    try:
        return pickle.load(messages)
    except pickle.UnpicklingError:
        raise EOFError from None


def make(source: _Source) -> None:
    """Turn pictures into files. Raises EOFError if they end early, OSError if writing fails."""
    if source.job.kind == ".png":
        _make_stills(source)
    else:
        _make_film(source)


def _make_stills(source: _Source) -> None:
    job = source.job
    folder = Path(job.path)
    folder.mkdir()
    pixels = "rgba" if job.transparent else "rgb24"
    for i, picture in enumerate(source.pictures(job.frames)):
        context = av.CodecContext.create("png", "w")
        context.width, context.height = job.size
        context.pix_fmt, context.time_base = pixels, Fraction(1)
        context.options = {"compression_level": PNG_COMPRESSION}
        context.thread_count = 1
        packets = [*context.encode(picture.reformat(format=pixels)), *context.encode(None)]
        (folder / f"frame_{i:05d}.png").write_bytes(b"".join(map(bytes, packets)))


def _make_film(source: _Source) -> None:
    job = source.job
    codec, rate = CODECS[job.kind], job.rate
    palette = _palette(source) if job.samples else None
    with av.open(
        media_url(job.path), "w", format=codec.container, options=codec.container_options
    ) as container:
        stream = container.add_stream(codec.name, rate=rate, options=codec.options)
        stream.width, stream.height = job.size
        pixels = codec.transparent_pixels if job.transparent else codec.pixels
        stream.pix_fmt = pixels
        context = stream.codec_context
        context.time_base = 1 / rate
        # One thread: drawing keeps the other cores busy, and a film's bytes do not depend on how
        # many there are.
        context.thread_count = 1
        if palette is None:
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            context.color_primaries = context.color_trc = BT709
            convert = _to_yuv(pixels)
        else:
            convert = _to_palette(palette, job.size)
        count = 0
        for picture in chain(source.pictures(job.frames), [None]):
            for converted in convert(picture):
                converted.pts, converted.time_base = count, 1 / rate
                count += 1
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))


def _to_yuv(pixels: str) -> Convert:
    reformatter = VideoReformatter()

    def convert(picture: av.VideoFrame | None) -> list[av.VideoFrame]:
        if picture is None:
            return []
        return [
            reformatter.reformat(
                picture,
                format=pixels,
                src_colorspace=Colorspace.ITU709,
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
        ]

    return convert


def _palette(source: _Source) -> av.VideoFrame:
    """The 256 colours that suit a whole clip, from a few of its pictures."""
    graph = av.filter.Graph()
    pictures = _buffer(graph, *source.job.size, "bgr24")
    search = graph.add("palettegen", "reserve_transparent=0")
    graph.link_nodes(pictures, search, graph.add("buffersink")).configure()
    for picture in source.pictures(source.job.samples):
        pictures.push(picture.reformat(format="bgr24"))
    pictures.push(None)
    return graph.vpull()


def _to_palette(palette: av.VideoFrame, size: tuple[int, int]) -> Convert:
    graph = av.filter.Graph()
    pictures = _buffer(graph, *size, "bgr24")
    colours = _buffer(graph, palette.width, palette.height, palette.format.name)
    # Ordered dither: it stays put where nothing moves, so that a gif's frames differ little.
    apply = graph.add("paletteuse", "dither=bayer:bayer_scale=4:diff_mode=rectangle")
    pictures.link_to(apply, 0, 0)
    colours.link_to(apply, 0, 1)
    apply.link_to(graph.add("buffersink"))
    graph.configure()
    palette.pts = 0
    colours.push(palette)
    colours.push(None)
    pushed = 0

    def convert(picture: av.VideoFrame | None) -> list[av.VideoFrame]:
        nonlocal pushed
        if picture is not None:
            # The filter keeps a picture until the next one comes, so it gets a copy of its own.
            picture = picture.reformat(format="bgr24")
            picture.pts, picture.time_base = pushed, Fraction(1, 100)
            pushed += 1
        pictures.push(picture)
        mapped = []
        while True:
            try:
                mapped.append(graph.vpull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return mapped

    return convert


def _buffer(graph: av.filter.Graph, width: int, height: int, pixels: str) -> FilterContext:
    return graph.add_buffer(width=width, height=height, format=pixels, time_base=Fraction(1, 100))


def main(memory: str, answers: int) -> None:
    """Do the job that comes on stdin, and exit; a byte is written for every picture."""
    try:
        source = _Source(sys.stdin.buffer, memory, answers)
    except EOFError:
        sys.exit(1)
    job = source.job
    try:
        make(source)
    except BaseException as error:
        if job.kind == ".png":
            shutil.rmtree(job.path, ignore_errors=True)
        else:
            Path(job.path).unlink(missing_ok=True)
        if isinstance(error, EOFError):  # the other process has gone; nobody is left to answer
            sys.exit(1)
        if isinstance(error, OSError) and error.errno is not None:
            print(error.errno, file=sys.stderr)
            sys.exit(SYSTEM_REFUSED)
        raise
