"""What a viewer does with a running scene, whatever shows it and whatever asks for it.

The keys act on a ``Session``; the window draws it. It needs no display.
"""

import logging
import traceback
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
from sim.render.text import drawable
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
SOURCES = Path(__file__).parents[2]
"""Where our modules are."""
EMPTY_FOCUS_M = 10.0
"""Distance of the camera's subject in a scene without actors (choice)."""


class Session:
    """A scene being watched: its playback, its camera, the chosen actor, the recording.

    Actors are named by id throughout, as rows differ between the casts of old and new frames. Who
    is chosen and who is steered ends with the scene, in ``_show`` and nowhere else.
    """

    def __init__(
        self, simulation: Simulation, size: tuple[int, int], recorder: "Recorder | None" = None
    ) -> None:
        """size: of the picture, in px. recorder: of this run; without one R opens one."""
        self.recorder = recorder
        self._numbers: dict[tuple[str, ...], int] = {}  # where to look for a free file name
        self._show(simulation, size)
        self.open = self.hud_on = True
        self.help_on = self.full_screen = self.screenshot_wanted = False
        self.message = ""
        self._message_left_s = 0.0
        self.say("H shows the keys")

    def _show(self, simulation: Simulation, size: tuple[int, int]) -> None:
        self.playback = Playback(simulation)
        self.director = Director(simulation.cast, simulation.scene.camera, size)
        self.frame = self.playback.frame()
        self.camera = self.director.update(self.frame, 0.0)
        self.chosen: str | None = None
        self.steered: str | None = None
        self._notices_shown = len(simulation.notices)
        # What to go back to after an error, without the sentences that may have led to it.
        self._begun = simulation.scene.model_copy(deep=True)
        self._has_failed = False

    @property
    def scene(self) -> Scene:
        """The scene that is played, with all its events so far."""
        return self.playback.simulation.scene

    @property
    def names(self) -> list[str]:
        """Ids of the actors that are on stage now."""
        return self.playback.simulation.cast.actor_ids

    @property
    def chosen_row(self) -> int | None:
        """Row of the chosen actor in the frame that is shown; None if it is not in it."""
        names = self.frame.cast.actor_ids
        return names.index(self.chosen) if self.chosen in names else None

    def update(self, elapsed_s: float) -> None:
        """Let ``elapsed_s`` seconds of real time pass."""
        self.playback.advance(elapsed_s)
        self.frame = self.playback.frame()
        self.camera = self.director.update(self.frame, elapsed_s)
        self._message_left_s -= elapsed_s
        if self._message_left_s <= 0.0:
            self.message = ""
        notices = self.playback.simulation.notices
        if len(notices) > self._notices_shown:
            self.say("; ".join(notices[self._notices_shown :]))
            self._notices_shown = len(notices)

    def close(self) -> None:
        """Commit what is being recorded and close the recorder."""
        if self.recorder is None:
            return
        try:
            if self.recorder.recording:
                log.warning(self.recorder.stop("closed"))
        finally:
            self.recorder.close()

    def play(self, scene: Scene) -> None:
        """Start a scene. Raises ValueError if it cannot be built; then the old one goes on."""
        now = self.playback.simulation
        simulation = Simulation(scene, motion=now.motion, model=now.model)
        was_recording = self.recording
        if was_recording:
            self.toggle_recording()
        self._show(simulation, self.director.size)
        if was_recording and not self.recording:
            self.toggle_recording()

    def play_prompt(self, text: str) -> None:
        """Start the scene of a sentence. Raises ValueError if it makes none."""
        from sim.story import parse_prompt

        self.play(parse_prompt(text, seed=self.scene.seed))

    def tell(self, text: str, actor: str) -> None:
        """Redirect an actor from now on, as an event of the scene.

        Raises ValueError if the text names no action or the actor is not on stage; the scene then
        goes on unchanged.
        """
        if actor not in self.names:
            raise ValueError(f"{actor} is not on stage")
        self.playback.to_newest()
        self.playback.simulation.add_event(text, actor)

    def choose(self, actor: str | None) -> None:
        """Choose an actor; a camera that follows an actor goes to it."""
        self.chosen = actor
        if actor in self.frame.cast.actor_ids:
            self.director.follow(actor)

    def actor_at(self, pixel: tuple[int, int]) -> str | None:
        """The actor drawn nearest to a pixel, None if none is near."""
        frame = self.frame
        if not frame.cast.actor_ids:
            return None
        necks = frame.root.copy()
        necks[:, 2] += frame.joints[:, NECK, 1]
        low, depth = self.camera.project(frame.root)
        high, _ = self.camera.project(necks)
        body = high - low
        share = ((pixel - low) * body).sum(axis=1) / np.maximum((body**2).sum(axis=1), 1e-9)
        nearest = low + np.clip(share, 0.0, 1.0)[:, None] * body
        distance = np.hypot(*(pixel - nearest).T)
        distance[depth < NEAR_M] = np.inf
        row = int(distance.argmin())
        return frame.cast.actor_ids[row] if distance[row] <= CLICK_REACH_PX else None

    def width_m(self) -> float:
        """Width of the picture at the camera's subject, in metres."""
        distance, names = EMPTY_FOCUS_M, self.frame.cast.actor_ids
        if self.director.followed in names:
            row = names.index(self.director.followed)
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

    def rescue(self, error: Exception) -> str:
        """Save all there is after an unexpected error; one line for the log says where it was.

        The recording so far is committed with "error" as its end, the scene with its events is
        saved as stride-NNN.json and the traceback beside it as stride-NNN.txt. What cannot be
        saved is named in the line.
        """
        steps = traceback.extract_tb(error.__traceback__)
        own = [step for step in steps if Path(step.filename).is_relative_to(SOURCES)]
        at = (own or steps)[-1]
        name = Path(at.filename)
        name = name.relative_to(SOURCES) if name.is_relative_to(SOURCES) else name
        what = " ".join(f"{type(error).__name__}: {error}".split())
        saved = [f"stride: error in {name}:{at.lineno}: {drawable(what)[:300]}"]
        path = self._free_path(".txt", ".json")
        text = "".join(traceback.format_exception(error))
        steps_to_take: list[tuple[str, Callable[[], object]]] = [
            (
                f"traceback in {path}",
                lambda: path.write_text(text, encoding="utf-8", errors="replace"),
            ),
            (
                f"scene in {path.with_suffix('.json')}",
                lambda: self._write_scene(path.with_suffix(".json")),
            ),
        ]
        if self.recording:
            steps_to_take.append(("", lambda: self.recorder.stop("error")))
        for done, save in steps_to_take:
            try:
                said = save()
            except Exception as failed:  # the disk may be full, too: what can be saved is saved
                saved.append(
                    f"{done or 'the recording'}: not saved, {' '.join(str(failed).split())}"
                )
            else:
                saved.append(done or str(said))
        return "; ".join(saved)

    def restart(self) -> bool:
        """Play the scene from its beginning after an error, as it was when it began.

        False if it has failed before, so that it would not end, or is a recording.
        """
        now = self.playback.simulation
        if self._has_failed or type(now) is not Simulation:
            return False
        self._show(Simulation(self._begun, motion=now.motion, model=now.model), self.director.size)
        self._has_failed = True
        return True

    def say(self, text: str) -> None:
        """Show a line for MESSAGE_S seconds."""
        self.message, self._message_left_s = text, MESSAGE_S

    def save_scene(self) -> None:
        """Write the scene with its events into the working folder."""
        self.save(".json", self._write_scene)

    def _write_scene(self, path: Path) -> None:
        path.write_bytes((self.scene.model_dump_json(indent=2) + "\n").encode())

    def save(self, suffix: str, write: Callable[[Path], object]) -> None:
        """Call ``write`` with the first free stride-001, -002, ... of the working folder."""
        path = self._free_path(suffix)
        try:
            write(path)
        except (OSError, pygame.error) as error:
            self.say(f"{path} could not be saved: {error}")
        else:
            self.say(f"saved {path}")

    def _free_path(self, *suffixes: str) -> Path:
        """The first stride-NNN, with the first suffix, of which there is none with any of them."""
        # Found once, and then counted on: a folder may hold thousands.
        for number in count(self._numbers.get(suffixes, 1)):
            paths = [Path(f"stride-{number:03d}{suffix}") for suffix in suffixes]
            if not any(path.exists() for path in paths):
                self._numbers[suffixes] = number
                return paths[0]
        raise AssertionError  # count has no end
