"""Scenes that show what there is: every stage set, every action with what it needs, every style.

In: a stage's name, an action or a style. Out: a Scene, and strips of its pictures.
"""

from collections.abc import Sequence

import numpy as np
import pygame

from entities.actions import ACTION_VELOCITIES, ActionType
from entities.scene import Scene
from sim.loop import Simulation
from sim.output.sheets import sheet, shots

STAGE_PROMPTS = {
    "baseball": "a man runs from home plate to first base",
    "street": "a woman walks down the street past a parked car",
    "park": "a boy runs through the park to the bench",
    "space": "an astronaut walks on the moon to the spaceship",
    "generic": "a man sprints to the right",
    "soccer": "a player dribbles the ball on the soccer pitch",
    "basketball": "a player dribbles on the basketball court",
    "track": "a sprinter sprints on the running track",
    "beach": "a woman jogs along the beach",
    "room": "a man walks in the living room to the table",
    "dojo": "two men fight in the dojo",
    "stage": "a dancer dances on the theatre stage",
    "city": "a man walks through the city at night",
}
"""A sentence for every stage set, by the set's name."""
MOMENTS = 8
"""Pictures in a strip."""
CLOSE, CENTRE = 0.5, 0.57
"""Share of a picture's height that is cut out, and where its middle is."""
FOR_S = 2.4
"""How much of an action is shown where SPANS_S does not say."""
SPANS_S = {
    ActionType.GET_UP: (0.0, 2.0),
    ActionType.CRAWL: (3.0, 4.2),
    ActionType.CLIMB: (3.0, 4.8),
    ActionType.FALL: (1.0, 2.4),
    ActionType.PUNCH: (1.0, 2.2),
    ActionType.KICK: (1.0, 2.0),
    ActionType.IDLE: (0.0, 6.0),
    ActionType.DIVE: (0.0, 1.4),
    ActionType.CARTWHEEL: (0.0, 2.1),
    ActionType.HIGH_FIVE: (1.0, 2.2),
    ActionType.HANDSHAKE: (1.0, 3.0),
}
"""Start and end, s, of what a strip shows of an action."""
WALK_SPAN_S = (3.0, 4.1)
"""Start and end, s, of what a strip shows of a walk in some style."""
GAITS = frozenset(action for action, speed in ACTION_VELOCITIES.items() if speed > 0.0)
CAMERA = {"mode": "follow", "follow": "a"}
SEATS_FOR = {
    ActionType.SIT: "chair",
    ActionType.EATING: "chair",
    ActionType.READING: "chair",
    ActionType.TYPING: "chair",
    ActionType.LIE_DOWN: "bed",
    ActionType.SLEEP: "bed",
    ActionType.CLIMB: "ladder",
}
PROPS = {
    ActionType.DRINKING: "cup",
    ActionType.PHONE: "phone",
    ActionType.BATTING: "bat",
    ActionType.PITCHING: "baseball",
    ActionType.THROWING: "baseball",
    ActionType.CATCHING: "glove",
    ActionType.FIELDING: "glove",
    ActionType.SHOOTING: "basketball",
    ActionType.DRIBBLING: "basketball",
    ActionType.BOWLING: "ball",
    ActionType.CARRY: "box",
}
TOGETHER = (ActionType.HANDSHAKE, ActionType.HUG, ActionType.HIGH_FIVE)


def action_strip(action: ActionType, width: int) -> list[pygame.Surface]:
    """MOMENTS pictures, ``width`` px wide, of an action with the object or partner it needs."""
    return _strip(_action_scene(action), *_span(action), width)


def walk_strip(style: str | None, width: int) -> list[pygame.Surface]:
    """MOMENTS pictures, ``width`` px wide, of a walk in a style; None is the plain walk."""
    return _strip(_solo_scene(ActionType.WALK, style=style), *WALK_SPAN_S, width)


def strips_sheet(strips: Sequence[tuple[str, list[pygame.Surface]]]) -> pygame.Surface:
    """Named strips one above the other."""
    pictures = [picture for _, strip in strips for picture in strip]
    labels = [name if k == 0 else "" for name, strip in strips for k in range(len(strip))]
    return sheet(pictures, labels, MOMENTS)


def _span(action: ActionType) -> tuple[float, float]:
    if action in SPANS_S:
        return SPANS_S[action]
    return (3.0, 4.0) if action in GAITS else (1.0, 1.0 + FOR_S)


def _solo_scene(action: ActionType, **more) -> Scene:
    actor = {"id": "a", "initial_position": {"x": 0.0, "y": 0.0}, **more}
    start = 0.0 if action in GAITS or _span(action)[0] == 0.0 else 1.0
    actor["actions"] = [[0.0, "idle"], [start, action.value]] if start else [[0.0, action.value]]
    return Scene.model_validate({"actors": [actor], "duration": 8.0, "camera": CAMERA})


def _action_scene(action: ActionType) -> Scene:
    """An actor seen from the side, beside the seat, ladder or partner the action needs."""
    more: dict = {"prop": PROPS[action]} if action in PROPS else {}
    if action in SEATS_FOR:
        more["cues"] = [{"t": 0.0, "target": "b"}]
    scene = _solo_scene(action, **more).model_dump(mode="json")
    if action in SEATS_FOR:
        at = 0.42 if action is ActionType.CLIMB else -0.35
        seat = {"id": "b", "object_type": SEATS_FOR[action], "position": {"x": at, "y": 0.0}}
        scene["objects"] = [seat]
    if action in TOGETHER:
        first = scene["actors"][0]
        apart = 0.5 if action is ActionType.HUG else 0.8
        first["cues"] = [{"t": 0.0, "target": "b"}]
        other = {"id": "b", "initial_position": {"x": apart, "y": 0.0}, "heading": float(np.pi)}
        other |= {"actions": first["actions"], "cues": [{"t": 0.0, "target": "a"}]}
        scene["actors"].append(other)
    return Scene.model_validate(scene)


def _strip(scene: Scene, start: float, end: float, width: int) -> list[pygame.Surface]:
    """MOMENTS pictures, cut out round the middle where the followed actor is."""
    side = 2 * width
    height = round(side / CLOSE)
    size = (2 * (height * 8 // 9), height // 2 * 2)
    run = Simulation(scene, motion="procedural")
    pictures = list(shots(run, np.linspace(start, end, MOMENTS).tolist(), size))
    crop = pygame.Rect((size[0] - side) // 2, round(CENTRE * size[1]) - side // 2, side, side)
    return [pygame.transform.smoothscale(p.subsurface(crop), (width, width)) for p in pictures]
