"""The live window: initialise, update, draw, close."""

import logging
import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pygame

from entities.scene import Scene
from entities.skeleton import NECK
from sim.camera.director import Director
from sim.camera.pinhole import NEAR_M
from sim.loop import Simulation
from sim.render.renderer import Renderer
from sim.window.controls import BINDINGS, Controls
from sim.window.panels import Panels
from sim.window.playback import Playback

if TYPE_CHECKING:
    from sim.output.recorder import Recorder

log = logging.getLogger(__name__)

FPS = 60
RECORDINGS = Path("stride-episodes")
"""Where R records to, if the command was not told another place."""
MIN_SIDE_PX = 160
"""A smaller window has no room for its own text."""
MESSAGE_S = 4.0
CLICK_REACH_PX = 30.0
"""A click this near to somebody chooses him."""
MAX_ELAPSED_S = 0.25
"""After a hitch (a dragged window, a long load) the camera does not leap."""


class Window:
    """A scene that plays until the person before the window closes it."""

    def __init__(
        self,
        simulation: Simulation,
        size: tuple[int, int] = (1280, 720),
        recorder: "Recorder | None" = None,
    ) -> None:
        """recorder: of this run; without one R opens one. Raises OSError without a display."""
        if min(size) < MIN_SIDE_PX:
            raise ValueError(f"size: {size[0]}x{size[1]}; a window needs {MIN_SIDE_PX} px a side")
        self._recorder = recorder
        self._show(simulation, size)
        try:
            pygame.display.init()
            if pygame.display.get_driver() == "x11":
                # SDL's detour through OpenGL costs 6 ms a picture where no GPU serves it; memory
                # shared with the X server costs a tenth of one everywhere.
                os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
            self.screen = pygame.display.set_mode(size, pygame.RESIZABLE)
        except pygame.error as error:
            raise OSError(f"no window: {error}; --video and --headless need no display") from None
        self.open = self.hud_on = True
        self.help_on = self.screenshot_wanted = False
        self._message, self._message_s = "H shows the keys", MESSAGE_S
        self._size_before_full: tuple[int, int] | None = None
        self._panels = Panels(size)
        self._clock = pygame.time.Clock()
        self._controls = Controls(self)

    def run(self) -> None:
        """Play until closed."""
        try:
            while self.open:
                self.turn(min(self._clock.tick(FPS) / 1000.0, MAX_ELAPSED_S))
        finally:
            pygame.display.quit()
            if self._recorder is not None:
                if self._recorder.recording:
                    log.warning(self._recorder.stop("closed"))
                self._recorder.close()

    def turn(self, elapsed_s: float) -> None:
        """One picture: what happened in the last ``elapsed_s`` seconds, and how it looks now."""
        self._update(elapsed_s)
        self._draw()

    def play(self, scene: Scene) -> None:
        """Start a scene. Raises ValueError if it cannot be built; then the old one goes on."""
        now = self.playback.simulation
        simulation = Simulation(scene, motion=now.motion, model=now.model)
        if self._recorder is not None and self._recorder.recording:
            self.toggle_recording()
            self._recorder.start(simulation)
        self._show(simulation, self.screen.get_size())

    def toggle_recording(self) -> None:
        """Begin to record what happens, or stop and commit it."""
        try:
            if self._recorder is not None and self._recorder.recording:
                self.say(self._recorder.stop("stopped"))
                return
            if self._recorder is None:
                from sim.output.recorder import Recorder

                self._recorder = Recorder(RECORDINGS)
            self._recorder.start(self.playback.simulation)
        except (OSError, ValueError) as error:
            self.say(f"not recorded: {error}")
        else:
            self.say(f"recording to {self._recorder.path}")

    def _show(self, simulation: Simulation, size: tuple[int, int]) -> None:
        scene = simulation.scene
        self.scene, self.cast = simulation.scene, simulation.cast
        self.playback = Playback(simulation)
        self.director = Director(self.cast, scene.camera, size)
        self._renderer = Renderer(self.cast, size)
        self.frame = self.playback.frame()
        self.camera = self.director.update(self.frame, 0.0)
        self.chosen: int | None = None

    def play_prompt(self, text: str) -> None:
        """Start the scene of a sentence. Raises ValueError if it makes none."""
        from sim.story import parse_prompt

        self.play(parse_prompt(text, seed=self.scene.seed))

    def tell(self, text: str) -> None:
        """Redirect the chosen actor from now on, as an event of the scene.

        Raises ValueError if the words say nothing to do; then all goes on as it was.
        """
        self.playback.to_newest()
        self.playback.simulation.add_event(text, self.cast.actor_ids[self.chosen])

    def choose(self, row: int | None) -> None:
        """Choose an actor; a camera that follows somebody goes to him."""
        self.chosen = row
        if row is not None:
            self.director.follow(self.cast.actor_ids[row])

    def actor_at(self, pixel: tuple[int, int]) -> int | None:
        """Row of the actor drawn nearest to a pixel, None if nobody is near."""
        if not self.cast.actor_ids:
            return None
        necks = self.frame.root.copy()
        necks[:, 2] += self.frame.joints[:, NECK, 1]
        low, depth = self.camera.project(self.frame.root)
        high, _ = self.camera.project(necks)
        body = high - low
        share = ((pixel - low) * body).sum(axis=1) / np.maximum((body**2).sum(axis=1), 1e-9)
        nearest = low + np.clip(share, 0.0, 1.0)[:, None] * body
        distance = np.hypot(*(pixel - nearest).T)
        distance[depth < NEAR_M] = np.inf
        row = int(distance.argmin())
        return row if distance[row] <= CLICK_REACH_PX else None

    def focus_m(self) -> float:
        """How far from the camera its subject is, in metres."""
        if self.director.followed is None:
            return 10.0
        row = self.cast.actor_ids.index(self.director.followed)
        return max(1.0, float(self.camera.to_view(self.frame.root[row])[2]))

    def width_m(self) -> float:
        """Width of the picture at its subject, in metres."""
        return self.camera.size[0] / float(self.camera.pixels_per_metre(self.focus_m()))

    def say(self, text: str) -> None:
        """Show a line for a few seconds."""
        self._message, self._message_s = text, MESSAGE_S

    def save_scene(self) -> None:
        """Write the scene with its events beside where the command was started."""
        self._save(".json", (self.scene.model_dump_json(indent=2) + "\n").encode())

    def toggle_full_screen(self) -> None:
        """Fill the screen, or go back to the size before."""
        if self._size_before_full is None:
            self._size_before_full = self.screen.get_size()
            self.screen = pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
        else:
            self.screen = pygame.display.set_mode(self._size_before_full, pygame.RESIZABLE)
            self._size_before_full = None

    def _update(self, elapsed_s: float) -> None:
        self._controls.handle(pygame.event.get(), elapsed_s)
        self._fit()
        self.playback.advance(elapsed_s)
        self.frame = self.playback.frame()
        self.camera = self.director.update(self.frame, elapsed_s)
        self._message_s -= elapsed_s

    def _fit(self) -> None:
        """Follow a resized window."""
        self.screen = pygame.display.get_surface()
        size = self.screen.get_size()
        if size != self.director.size:
            self.director.size = size
            self._renderer = Renderer(self.cast, size)
            self._panels = Panels(size)

    def _draw(self) -> None:
        screen = self.screen
        self._renderer.hud = self.hud_on
        self._renderer.draw(screen, self.frame, self.camera, self.chosen)
        time, state = self._time(), self._state()
        if self.hud_on:
            self._panels.state(screen, state)
        if self.screenshot_wanted:
            self.screenshot_wanted = False
            self._save(".png", None)
        if self._message_s > 0.0:
            self._panels.message(screen, self._message)
        if self.help_on:
            self._panels.keys(screen, [(binding.keys, binding.what) for binding in BINDINGS])
        if self._controls.entry is not None:
            self._panels.entry(screen, self._controls.entry)
        parts = self.scene.prompt, self.scene.description, f"{time}, {state}"
        title = " - ".join(part for part in parts if part)
        if title != pygame.display.get_caption()[0]:
            pygame.display.set_caption(title)
        pygame.display.flip()

    def _time(self) -> str:
        """Hundredths for a still only: a title that changes with every picture flickers."""
        return f"{self.frame.time:.{2 if self.playback.paused else 1}f} s"

    def _state(self) -> str:
        """Pace and camera in a few words: for the corner and the window's title."""
        playback, director = self.playback, self.director
        words = ["paused" if playback.paused else f"{playback.pace:g}x"]
        mode = director.mode.value
        if director.followed is not None and mode in ("follow", "orbit"):
            mode += f" {director.followed}"
        words.append(mode)
        if self._recorder is not None and self._recorder.recording:
            words.append("recording")
        if director.hand.zoom != 1.0:
            words.append(f"zoom {director.hand.zoom:.2f}")
        if self._controls.steering:
            words.append(f"steering {self.cast.actor_ids[self.chosen]}")
        return ", ".join(words)

    def _save(self, suffix: str, content: bytes | None) -> None:
        """Write bytes, or the picture, to the first free name in the working folder."""
        path = next(
            path for i in count(1) if not (path := Path(f"stride-{i:03d}{suffix}")).exists()
        )
        try:
            if content is None:
                pygame.image.save(self.screen, path)
            else:
                path.write_bytes(content)
        except (OSError, pygame.error) as error:
            self.say(f"{path} could not be saved: {error}")
        else:
            self.say(f"saved {path}")
