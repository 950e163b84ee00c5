"""Events of a run: sentences that change what actors do, and the words that actors speak.

A sentence may name people and things that are not there: they come on stage at its tick, and are
listed in the scene as brought by its event. It is read whole before anything is changed, so a
sentence that cannot be carried out leaves the run as it was, and a notice says why.
"""

import logging
from bisect import insort
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS
from entities.components import (
    Attention,
    Gait,
    Name,
    Route,
    Script,
    StyleState,
    Thing,
    Transform,
    Velocity,
)
from entities.scene import Actor, Cue, Event, Scene, SceneObject
from entities.units import DT
from sim.animation.attention import lips
from sim.animation.style import set_style, style_row
from sim.build import MAX_OBJECT_SPEED, check_way, enter
from sim.navigation.path import Path
from sim.story import NotUnderstoodError, Now, Patch, Redirection, parse_event
from sim.world import World

log = logging.getLogger(__name__)

LEAST_SPEECH_S = 1.5
"""s for which even the shortest words are shown."""
SPEECH_S_PER_LETTER = 0.07
"""s a letter: the pace of an unhurried reader, about 14 letters a second."""
AT_REST = 0.5
"""m/s; a new path of an actor that is slower than this starts from rest."""


@dataclass(slots=True)
class _Change:
    """All that a sentence changes, ready to be applied: nothing of it can fail any more."""

    patches: list[Patch]
    actors: list[Actor]
    objects: list[SceneObject]
    paths: dict[str, Path] = field(default_factory=dict)  # of actors and things, by id
    notes: list[str] = field(default_factory=list)


class EventQueue:
    """The timed sentences of a scene; each is parsed and applied once, when its tick comes.

    ``notices`` says what they brought on stage and what could not be done, each line with its time.
    """

    def __init__(self, scene: Scene) -> None:
        """Raises ValueError, naming the event, for a sentence that is not understood."""
        self.scene = scene
        self.notices: list[str] = []
        self._spoken: list[tuple[int, int, int, str]] = []  # first tick, last tick, row, words
        self._lips: list[np.ndarray] = []  # mouth opening of each of _spoken, tick by tick
        self._ahead: tuple[Event, int, _Change] | None = None  # the last sentence added, as read
        self._due = sorted((round(event.t / DT), i) for i, event in enumerate(scene.events))
        for row, actor in enumerate(scene.actors):
            for cue in actor.cues:
                if cue.say:
                    self._speak(row, round(cue.t / DT), cue.say)
        _rehearse(scene)

    def add(self, event: Event, world: World) -> None:
        """Append a sentence to the scene; it is applied when its tick comes.

        Raises ValueError if it is not understood; the scene is then unchanged.
        """
        self._ahead = event, world.tick, self._read(event, world)
        insort(self._due, (round(event.t / DT), len(self.scene.events)))
        self.scene.events.append(event)

    def apply_due(self, world: World, dt: float) -> None:
        """Move the lips of the actors that speak, and apply the sentences that are due."""
        if self._spoken:
            self._move_lips(world)
        while self._due and self._due[0][0] <= world.tick:
            _, index = self._due.pop(0)
            event = self.scene.events[index]
            try:
                change = self._read_ahead(event, world) or self._read(event, world)
            except ValueError as error:
                self._notice(event, str(error))
            else:
                self._apply(change, index, world)

    def speech(self, tick: int) -> dict[int, str]:
        """The words being said at a tick, by actor row."""
        if not self._spoken:
            return {}
        return {row: words for first, last, row, words in self._spoken if first <= tick < last}

    def _move_lips(self, world: World) -> None:
        over = False
        for (first, last, row, _), curve in zip(self._spoken, self._lips, strict=True):
            if first <= world.tick < last:
                world[Attention].voice[row] = curve[world.tick - first]
            elif world.tick == last:
                world[Attention].voice[row] = 0.0
            over = over or last < world.tick
        if over:
            going = [said[1] >= world.tick for said in self._spoken]
            self._spoken = [said for said, goes in zip(self._spoken, going, strict=True) if goes]
            self._lips = [curve for curve, goes in zip(self._lips, going, strict=True) if goes]

    def _speak(self, row: int, tick: int, words: str) -> None:
        duration = max(LEAST_SPEECH_S, SPEECH_S_PER_LETTER * len(words))
        self._spoken.append((tick, tick + round(duration / DT), row, words))
        self._lips.append(lips(words, round(duration / DT)))

    def _notice(self, event: Event, text: str) -> None:
        self.notices.append(f"{event.t:.2f} s: {text}")

    def _read_ahead(self, event: Event, world: World) -> _Change | None:
        """What a sentence was found to change when it was added, if that is still so."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead[0] is not event or ahead[1] != world.tick:
            return None
        return ahead[2]

    def _read(self, event: Event, world: World) -> _Change:
        """What a sentence changes, given where everything is now. Changes nothing.

        Raises ValueError, in one line, if it is not understood or cannot be carried out.
        """
        if event.actor is not None and all(a.id != event.actor for a in self.scene.actors):
            raise ValueError(f"{event.actor!r} is not on stage")
        told = _told(event, self.scene, world.time, now_of(world))
        change = _Change(told.patches, told.actors, list(told.objects), notes=list(told.notes))
        self._check(change, told.ways, world)
        return change

    def _check(self, change: _Change, ways: dict[str, list], world: World) -> None:
        """Make the paths; a way that nobody can go is left out, and said."""
        there = world[Name].text
        new = [*(actor.id for actor in change.actors), *(str(o.id) for o in change.objects)]
        taken = set(there) & set(new)
        if taken or len(set(new)) < len(new):
            raise ValueError(f"{sorted(taken or new)[0]!r} is on stage already")
        known = {*there, *new}
        for patch in change.patches:
            if patch.actor not in known:
                raise ValueError(f"no actor {patch.actor!r}")
            patch.cues = [c for c in patch.cues if c.target is None or c.target in known]
            if patch.style is not None:
                style_row(patch.style, 1.0, "style")
            if patch.path:
                moving = patch.actor in there and self._speed(patch.actor, world) > AT_REST
                self._way(change, patch.actor, patch.path, world, from_rest=not moving)
        for k, item in enumerate(change.objects):
            try:
                check_way(item)
            except ValueError:
                change.objects[k] = item.model_copy(update={"movement_path": None})
                change.notes.append(f"{item.id} stays: nothing moves as fast as it would have to")
        for thing, knots in ways.items():
            if thing in there:
                self._way(change, thing, knots, world, max_speed=MAX_OBJECT_SPEED)

    def _speed(self, actor: str, world: World) -> float:
        row = world[Name].text.index(actor)
        return float(np.hypot(*world[Velocity].linear[row, :2]))

    def _way(
        self, change: _Change, name: str, knots: list, world: World, **options: float | bool
    ) -> None:
        later = [(max(t, world.time), x, y, z) for t, x, y, z in knots]
        knots = later[:1] + [b for a, b in pairwise(later) if b[0] > a[0]]
        try:
            change.paths[name] = Path.through(knots, f"{name}'s way", **options)
        except ValueError as error:
            change.notes.append(f"{error}; {name} stays")

    def _apply(self, change: _Change, index: int, world: World) -> None:
        """Carry out what was read."""
        event = self.scene.events[index]
        enter(world, change.actors, change.objects)
        for brought, listed in (
            (change.actors, self.scene.actors),
            (change.objects, self.scene.objects),
        ):
            listed += [one.model_copy(update={"brought_by": index}) for one in brought]
        names = world[Name].text
        entity_of = {name: entity for entity, name in enumerate(names)}
        first_object = len(world.ids(Script))
        for name, path in change.paths.items():
            if entity_of[name] >= first_object:
                world[Thing].path[entity_of[name] - first_object] = path
        for patch in change.patches:
            self._patch(patch, change.paths.get(patch.actor), entity_of, world)
        for note in change.notes:
            self._notice(event, note)

    def _patch(
        self, patch: Patch, path: Path | None, entity_of: dict[str, int], world: World
    ) -> None:
        row = entity_of[patch.actor]
        script, route = world[Script], world[Route]
        if patch.style is not None:
            set_style(world[StyleState], row, patch.style, 1.0, "style")
        targets = self._cues(patch.cues, row, entity_of, world)
        if path is not None:
            route.path[row] = path
        elif patch.actions or patch.heading is not None:
            route.path[row] = None
            route.course[row] = world[Transform].heading[row]
        if patch.heading is not None and path is None:
            turn = patch.heading - world[Transform].heading[row]
            route.course[row] += np.arctan2(np.sin(turn), np.cos(turn))
        if patch.actions or path is not None or patch.heading is not None:
            route.velocity[row] = np.nan
        if patch.actions:
            past = [step for step in script.plan[row] if step[0] < world.tick]
            later = [(round(t / DT), ACTION_INDEX[action]) for t, action in patch.actions]
            script.plan[row] = past[-1:] + [(max(t, world.tick), action) for t, action in later]
        if patch.actions or targets:
            script.cues[row] = targets
            script.next_tick[row] = world.tick

    def _cues(
        self, cues: list[Cue], row: int, entity_of: dict[str, int], world: World
    ) -> list[tuple[int, int]]:
        """Speak what is said; gives the changes of target as (tick, entity id)."""
        targets = []
        for cue in cues:
            tick = max(round(cue.t / DT), world.tick)
            if cue.say:
                self._speak(row, tick, cue.say)
            if cue.target is not None:
                targets.append((tick, entity_of[cue.target]))
        return sorted(targets, key=lambda target: target[0])


def now_of(world: World) -> Now:
    """Where everything is, as the reader of later sentences wants to know it."""
    transform, gait, thing, names = world[Transform], world[Gait], world[Thing], world[Name].text
    n = len(gait)
    position, velocity = transform.position.tolist(), world[Velocity].linear[:n, :2].tolist()
    return Now(
        position=dict(zip(names, map(tuple, position), strict=True)),
        heading=dict(zip(names, transform.heading.tolist(), strict=True)),
        velocity=dict(zip(names[:n], map(tuple, velocity), strict=True)),
        action={names[row]: ACTIONS[action] for row, action in enumerate(world[Script].action)},
        holder={
            names[n + k]: names[holder] if holder >= 0 else None
            for k, holder in enumerate(thing.holder.tolist())
        },
        seat={
            names[row]: names[seat] for row, seat in enumerate(gait.seated_on.tolist()) if seat >= 0
        },
    )


def _told(event: Event, scene: Scene, t: float, now: Now | None) -> Redirection:
    """See ``parse_event``; raises nothing but ValueError, in one line."""
    try:
        return parse_event(event.text, scene, event.actor, t, now)
    except ValueError:
        raise
    except Exception as error:
        # A sentence that trips the reader must not cost the run; the fault is logged whole.
        log.debug("later sentence %r", event.text, exc_info=True)
        fault = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{event.text[:60]!r} could not be carried out ({fault})") from error


def _rehearse(scene: Scene) -> None:
    """Read all sentences, each with what those before it bring, as far as it is known now.

    What else may stand in the way of one is said when its time comes. Raises ValueError, naming
    the event, for one that is not understood.
    """
    trial = scene.model_copy(
        update={"actors": list(scene.actors), "objects": list(scene.objects), "events": []}
    )
    for i, event in sorted(enumerate(scene.events), key=lambda pair: pair[1].t):
        if event.actor is not None and all(actor.id != event.actor for actor in trial.actors):
            continue  # somebody whom only the run itself brings on stage
        try:
            told = _told(event, trial, event.t, None)
        except NotUnderstoodError as error:
            raise ValueError(f"events[{i}].text: {error}") from None
        except ValueError:
            continue
        trial.actors += told.actors
        trial.objects += told.objects
        trial.events.append(event)
