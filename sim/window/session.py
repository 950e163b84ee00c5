"""What a viewer does with a running scene, whatever shows it and whatever asks for it.

The keys act on a ``Session``; the window draws it. It needs no display.
"""

import logging
from collections.abc import Callable
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
from sim.window.playback import Playback

if TYPE_CHECKING:
    from sim.output.recorder import Recorder

log = logging.getLogger(__name__)

RECORDINGS = Path("stride-episodes")
"""Where R records to, unless the command names another folder."""
MESSAGE_S = 4.0
"""How long a message is shown."""
CLICK_REACH_PX = 30.0
"""A click within this distance of an actor chooses it."""
EMPTY_FOCUS_M = 10.0
"""Distance of the camera's subject in a scene without actors (choice)."""


class Session:
    """A scene being watched: its playback, its camera, the chosen actor, the recording."""

    def __init__(
        self, simulation: Simulation, size: tuple[int, int], recorder: "Recorder | None" = None
    ) -> None:
        """size: of the picture, in px. recorder: of this run; without one R opens one."""
        self.recorder = recorder
        self._show(simulation, size)
        self.open = self.hud_on = True
        self.help_on = self.full_screen = self.screenshot_wanted = False
        self.message = ""
        self._message_left_s = 0.0
        self.say("H shows the keys")

    def _show(self, simulation: Simulation, size: tuple[int, int]) -> None:
        self.scene, self.cast = simulation.scene, simulation.cast
        self.playback = Playback(simulation)
        self.director = Director(self.cast, self.scene.camera, size)
        self.frame = self.playback.frame()
        self.camera = self.director.update(self.frame, 0.0)
        self.chosen: int | None = None  # row of an actor

    def update(self, elapsed_s: float) -> None:
        """Let ``elapsed_s`` seconds of real time pass."""
        self.playback.advance(elapsed_s)
        self.frame = self.playback.frame()
        self.camera = self.director.update(self.frame, elapsed_s)
        self._message_left_s -= elapsed_s
        if self._message_left_s <= 0.0:
            self.message = ""

    def close(self) -> None:
        """Commit what is being recorded and close the recorder."""
        if self.recorder is not None:
            if self.recorder.recording:
                log.warning(self.recorder.stop("closed"))
            self.recorder.close()

    def play(self, scene: Scene) -> None:
        """Start a scene. Raises ValueError if it cannot be built; then the old one goes on."""
        now = self.playback.simulation
        simulation = Simulation(scene, motion=now.motion, model=now.model)
        if self.recording:
            self.toggle_recording()
            self.recorder.start(simulation)
        self._show(simulation, self.director.size)

    def play_prompt(self, text: str) -> None:
        """Start the scene of a sentence. Raises ValueError if it makes none."""
        from sim.story import parse_prompt

        self.play(parse_prompt(text, seed=self.scene.seed))

    def tell(self, text: str) -> None:
        """Redirect the chosen actor from now on, as an event of the scene.

        Raises ValueError if the text names no action; the scene then goes on unchanged.
        """
        self.playback.to_newest()
        self.playback.simulation.add_event(text, self.cast.actor_ids[self.chosen])

    def choose(self, row: int | None) -> None:
        """Choose the actor in a row; a camera that follows an actor goes to it."""
        self.chosen = row
        if row is not None:
            self.director.follow(self.cast.actor_ids[row])

    def actor_at(self, pixel: tuple[int, int]) -> int | None:
        """Row of the actor drawn nearest to a pixel, None if none is near."""
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

    def width_m(self) -> float:
        """Width of the picture at the camera's subject, in metres."""
        distance = EMPTY_FOCUS_M
        if self.director.followed is not None:
            row = self.cast.actor_ids.index(self.director.followed)
            distance = max(1.0, float(self.camera.to_view(self.frame.root[row])[2]))
        return self.camera.size[0] / float(self.camera.pixels_per_metre(distance))

    @property
    def recording(self) -> bool:
        """Whether an episode is being written."""
        return self.recorder is not None and self.recorder.recording

    def toggle_recording(self) -> None:
        """Begin to record what happens, or stop and commit it."""
        try:
            if self.recording:
                self.say(self.recorder.stop("stopped"))
                return
            if self.recorder is None:
                from sim.output.recorder import Recorder

                self.recorder = Recorder(RECORDINGS)
            self.recorder.start(self.playback.simulation)
        except (OSError, ValueError) as error:
            self.say(f"not recorded: {error}")
        else:
            self.say(f"recording to {self.recorder.path}")

    def say(self, text: str) -> None:
        """Show a line for MESSAGE_S seconds."""
        self.message, self._message_left_s = text, MESSAGE_S

    def save_scene(self) -> None:
        """Write the scene with its events into the working folder."""
        content = (self.scene.model_dump_json(indent=2) + "\n").encode()
        self.save(".json", lambda path: path.write_bytes(content))

    def save(self, suffix: str, write: Callable[[Path], object]) -> None:
        """Call ``write`` with the first free stride-001, -002, ... of the working folder."""
        path = next(
            path for i in count(1) if not (path := Path(f"stride-{i:03d}{suffix}")).exists()
        )
        try:
            write(path)
        except (OSError, pygame.error) as error:
            self.say(f"{path} could not be saved: {error}")
        else:
            self.say(f"saved {path}")
