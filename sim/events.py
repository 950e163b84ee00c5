"""Events of a run: sentences that change what actors do, and the words that actors speak."""

import numpy as np

from entities.actions import ACTION_INDEX
from entities.components import Attention, Name, Route, Script, StyleState, Transform, Velocity
from entities.scene import Event, Scene
from entities.units import DT
from sim.animation.attention import lips
from sim.animation.style import set_style
from sim.navigation.path import Path
from sim.story import Patch, parse_event
from sim.world import World

LEAST_SPEECH_S = 1.5
"""s for which even the shortest words are shown."""
SPEECH_S_PER_LETTER = 0.07
"""s a letter: the pace of an unhurried reader, about 14 letters a second."""
AT_REST = 0.5
"""m/s; a new path of an actor that is slower than this starts from rest."""


class EventQueue:
    """The timed sentences of a scene; each is parsed and applied once, when its tick comes."""

    def __init__(self, scene: Scene) -> None:
        """Raises ValueError, naming the event, for a sentence that is not understood."""
        self.scene = scene
        self._rows = {actor.id: row for row, actor in enumerate(scene.actors)}
        self._done: set[int] = set()
        self._spoken: list[tuple[int, int, int, str]] = []  # first tick, last tick, row, words
        self._lips: list[np.ndarray] = []  # mouth opening of each of _spoken, tick by tick
        for row, actor in enumerate(scene.actors):
            for cue in actor.cues:
                if cue.say:
                    self._speak(row, round(cue.t / DT), cue.say)
        for i, event in enumerate(scene.events):
            try:
                parse_event(event.text, scene, event.actor, event.t)
            except ValueError as error:
                raise ValueError(f"events[{i}].text: {error}") from None

    def add(self, event: Event, world: World) -> None:
        """Append a sentence to the scene; it is applied when its tick comes.

        Raises ValueError if it is not understood; the scene is then unchanged.
        """
        self._read(event, world)
        self.scene.events.append(event)

    def apply_due(self, world: World, dt: float) -> None:
        """Move the lips of the actors that speak, and apply the sentences that are due."""
        self._move_lips(world)
        if len(self._done) == len(self.scene.events):
            return
        for i, event in sorted(enumerate(self.scene.events), key=lambda pair: pair[1].t):
            if i not in self._done and round(event.t / DT) <= world.tick:
                self._done.add(i)
                for patch in self._read(event, world):
                    self._apply(patch, world)

    def speech(self, tick: int) -> dict[int, str]:
        """The words being said at a tick, by actor row."""
        if not self._spoken:
            return {}
        return {row: words for first, last, row, words in self._spoken if first <= tick < last}

    def _move_lips(self, world: World) -> None:
        for (first, last, row, _), curve in zip(self._spoken, self._lips, strict=True):
            if first <= world.tick < last:
                world[Attention].voice[row] = curve[world.tick - first]
            elif world.tick == last:
                world[Attention].voice[row] = 0.0

    def _speak(self, row: int, tick: int, words: str) -> None:
        duration = max(LEAST_SPEECH_S, SPEECH_S_PER_LETTER * len(words))
        self._spoken.append((tick, tick + round(duration / DT), row, words))
        self._lips.append(lips(words, round(duration / DT)))

    def _read(self, event: Event, world: World) -> list[Patch]:
        """The changes a sentence makes, given where everything is now."""
        transform, names = world[Transform], world[Name].text
        places = {
            name: (float(x), float(y))
            for name, (x, y) in zip(names, transform.position[:, :2], strict=True)
        }
        headings = dict(zip(names, transform.heading.tolist(), strict=True))
        return parse_event(event.text, self.scene, event.actor, world.time, places, headings)

    def _apply(self, patch: Patch, world: World) -> None:
        row = self._rows[patch.actor]
        script, route = world[Script], world[Route]
        if patch.say:
            self._speak(row, world.tick, patch.say)
        if patch.style is not None:
            set_style(world[StyleState], row, patch.style, 1.0, f"event at {world.time:.2f} s")
        if patch.target is not None:
            script.target[row] = world[Name].text.index(patch.target)
        if patch.path:
            knots = [(max(t, world.time), x, y, z) for t, x, y, z in patch.path]
            moving = float(np.hypot(*world[Velocity].linear[row, :2])) > AT_REST
            where = f"event at {world.time:.2f} s"
            route.path[row] = Path.through(knots, where, from_rest=not moving)
        elif patch.actions or patch.heading is not None:
            route.path[row] = None
            route.course[row] = world[Transform].heading[row]
        if patch.heading is not None:
            turn = patch.heading - world[Transform].heading[row]
            route.course[row] += np.arctan2(np.sin(turn), np.cos(turn))
        if patch.actions or patch.path or patch.heading is not None:
            route.velocity[row] = np.nan
        if patch.actions:
            past = [step for step in script.plan[row] if step[0] < world.tick]
            later = [(round(t / DT), ACTION_INDEX[action]) for t, action in patch.actions]
            script.plan[row] = past + [(max(t, world.tick), action) for t, action in later]
            script.next_tick[row] = world.tick
