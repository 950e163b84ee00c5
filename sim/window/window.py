"""The live window: initialise, update, draw, close. The only module that opens a display."""

import logging
import os
from typing import TYPE_CHECKING

import pygame

from sim.loop import Simulation
from sim.render.renderer import Renderer
from sim.render.text import drawable
from sim.window.controls import BINDINGS, Controls
from sim.window.panels import Panels
from sim.window.session import Session

if TYPE_CHECKING:
    from sim.output.recorder import Recorder

log = logging.getLogger(__name__)

FPS = 60
MIN_SIDE_PX = 160
"""A smaller window has no room for its own text."""
MAX_TITLE = 300
"""Characters of the prompt and of the description in the window's title."""
MAX_ELAPSED_S = 0.25
"""Longest time one picture stands for, so that the camera does not leap after a hitch (a dragged
window, a long load)."""


class Window:
    """Shows a session until the viewer closes it."""

    def __init__(
        self,
        simulation: Simulation,
        size: tuple[int, int] = (1280, 720),
        recorder: "Recorder | None" = None,
    ) -> None:
        """recorder: of this run; without one R opens one. Raises OSError without a display."""
        if min(size) < MIN_SIDE_PX:
            raise ValueError(f"size: {size[0]}x{size[1]}; a window needs {MIN_SIDE_PX} px a side")
        self.session = Session(simulation, size, recorder)
        self._renderer = Renderer(self.session.frame.cast, size)
        self._shown = self.session.playback  # what the renderer was made for
        try:
            pygame.display.init()
            if pygame.display.get_driver() == "x11":
                # SDL's detour through OpenGL costs 6 ms a picture where no GPU serves it; memory
                # shared with the X server costs a tenth of one everywhere.
                os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
            self.screen = pygame.display.set_mode(size, pygame.RESIZABLE)
        except pygame.error as error:
            raise OSError(f"no window: {error}; --video and --headless need no display") from None
        self._size_before_full: tuple[int, int] | None = None  # None: not full screen
        self._panels = Panels(size)
        self._title = ""
        self._clock = pygame.time.Clock()
        self._controls = Controls(self.session)

    def run(self) -> int:
        """Play until closed; the exit code, 1 if an error ended it.

        After an unexpected error what was recorded, the scene and the traceback are saved (see
        ``Session.rescue``), and the scene begins again as it began first. If it fails once more,
        the window closes.
        """
        try:
            while self.session.open:
                try:
                    self.step(min(self._clock.tick(FPS) / 1000.0, MAX_ELAPSED_S))
                except Exception as error:
                    if not self._go_on(error):
                        return 1
        finally:
            self.close()
        return 0

    def _go_on(self, error: Exception) -> bool:
        """Save what there is and begin the scene again; False if that cannot be."""
        line = self.session.rescue(error)
        log.error(line)
        try:
            if not self.session.restart():
                return False
            self._controls = Controls(self.session)
        except Exception as again:
            log.error(self.session.rescue(again))
            return False
        self.session.say(f"{line}; the scene begins again")
        return True

    def step(self, elapsed_s: float) -> None:
        """Show one picture, ``elapsed_s`` seconds after the one before."""
        self._update(elapsed_s)
        self._draw()

    def close(self) -> None:
        """Close the display and the session's recording."""
        pygame.display.quit()
        self.session.close()

    def _update(self, elapsed_s: float) -> None:
        self._controls.handle(pygame.event.get(), elapsed_s)
        self._fit()
        self.session.update(elapsed_s)

    def _fit(self) -> None:
        """Follow a switch to or from full screen, a resized window, a new scene."""
        session = self.session
        if session.full_screen and self._size_before_full is None:
            self._size_before_full = self.screen.get_size()
            pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
        elif not session.full_screen and self._size_before_full is not None:
            pygame.display.set_mode(self._size_before_full, pygame.RESIZABLE)
            self._size_before_full = None
        self.screen = pygame.display.get_surface()
        size = self.screen.get_size()
        resized = size != session.director.size
        if resized:
            session.director.size = size
            self._panels = Panels(size)
        if resized or session.playback is not self._shown:
            self._renderer = Renderer(session.frame.cast, size)
            self._shown = session.playback

    def _draw(self) -> None:
        session, screen, entry = self.session, self.screen, self._controls.entry
        # A line being typed takes the place of the keys' list, which takes that of other text.
        help_on = session.help_on and entry is None
        hud_on = session.hud_on and not help_on
        self._renderer.hud = hud_on
        self._renderer.draw(screen, session.frame, session.camera, session.chosen_row)
        time, state = self._time(), self._state()
        if hud_on:
            self._panels.state(screen, state)
        if session.screenshot_wanted:
            session.screenshot_wanted = False
            session.save(".png", lambda path: pygame.image.save(screen, path))
        bottom = screen.get_height() // 2
        if help_on:
            bottom = self._panels.keys(screen, [(line.keys, line.what) for line in BINDINGS]).top
        reached = self._panels.message(screen, session.message, bottom)
        if entry is not None:
            self._panels.entry(screen, entry, reached)
        parts = session.scene.prompt, session.scene.description, f"{time}, {state}"
        title = " - ".join(drawable(part[:MAX_TITLE]) for part in parts if part)
        if title != self._title:
            self._title = title
            pygame.display.set_caption(title)
        pygame.display.flip()

    def _time(self) -> str:
        """Hundredths for a still only: a title that changes with every picture flickers."""
        digits = 2 if self.session.playback.paused else 1
        return f"{self.session.frame.time:.{digits}f} s"

    def _state(self) -> str:
        """Pace and camera in a few words, for the corner and the window's title."""
        session, director = self.session, self.session.director
        words = ["paused" if session.playback.paused else f"{session.playback.pace:g}x"]
        mode = director.mode.value
        if director.followed is not None and mode in ("follow", "orbit"):
            mode += f" {director.followed}"
        words.append(mode)
        if session.recording:
            words.append("recording")
        if director.manual.zoom != 1.0:
            words.append(f"zoom {director.manual.zoom:.2f}")
        if session.steered is not None:
            words.append(f"steering {session.steered}")
        return ", ".join(words)
