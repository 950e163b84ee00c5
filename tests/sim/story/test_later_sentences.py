"""Later sentences: who and what is not there comes on, and everything is where it is by then."""

from itertools import pairwise
from math import hypot

import pytest

from entities.actions import ActionType
from entities.objects import ObjectType
from entities.scene import Actor, Event, Point, Scene, SceneObject
from sim.robustness.later_sentences import faults
from sim.story import Now, Redirection, parse_event, parse_prompt
from sim.story.captions import clauses_in_force, event_clauses, tasks_of

T = 4.0 + 1 / 60
A = ActionType


def told(
    text: str, prompt: str | Scene = "a man waves", actor: str | None = None, now: Now | None = None
) -> Redirection:
    """What a sentence changes; nothing of it is impossible."""
    scene = parse_prompt(prompt) if isinstance(prompt, str) else prompt
    found = parse_event(text, scene, actor, T, now)
    assert faults(found, scene, T, now) == []
    return found


def actions_of(found: Redirection, name: str) -> list[ActionType]:
    return [
        action
        for patch in found.patches
        if patch.actor == name
        for _, action in patch.actions
        if action is not A.IDLE
    ]


def patch_of(found: Redirection, name: str):
    return next(patch for patch in found.patches if patch.actor == name)


def test_who_is_absent_walks_in_from_the_edge_and_the_other_waits() -> None:
    found = told("hug a woman")
    (woman,) = found.actors
    assert woman.id == "woman"
    start = woman.initial_position
    assert 6.0 < abs(start.x) < 9.0
    assert actions_of(found, "woman") == [A.WALK, A.HUG]
    assert actions_of(found, "man") == [A.HUG]
    path = patch_of(found, "woman").path
    assert path[0][:3] == (T, start.x, start.y)
    assert hypot(path[-1][1], path[-1][2]) < 1.0
    times = {name: patch_of(found, name).actions[-1][0] for name in ("man", "woman")}
    assert times["man"] == times["woman"] >= path[-1][0] - 0.01
    assert [cue.target for cue in patch_of(found, "man").cues] == ["woman"]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("a woman comes on from the ")


def test_newcomers_come_from_the_side_that_is_said_or_free() -> None:
    (left,) = told("a woman walks in from the left").actors
    (right,) = told("a dog appears on the right").actors
    assert left.initial_position.x < -5.0 < 5.0 < right.initial_position.x
    scene = parse_prompt("a man waves")
    scene.actors[0].heading = 0.0
    for x in (3.0, 4.5, 6.0, 7.5):
        spot = Point(x=x, y=0.0)
        scene.objects.append(SceneObject(id=f"b{x}", object_type=ObjectType.BENCH, position=spot))
    (other,) = told("hug a woman", scene).actors
    assert other.initial_position.x < -5.0


def test_nobody_comes_on_inside_anybody() -> None:
    found = told("100 people run in", "40 people stand in a city")
    scene = parse_prompt("40 people stand in a city")
    starts = [(a.initial_position.x, a.initial_position.y) for a in [*scene.actors, *found.actors]]
    new = starts[len(scene.actors) :]
    ends = [patch_of(found, a.id).path[-1][1:3] for a in found.actors]
    assert len(new) == 100
    for spots in (new, ends):
        for k, (x, y) in enumerate(spots):
            others = [*starts[: len(scene.actors)], *spots[:k]]
            assert min(hypot(x - a, y - b) for a, b in others) > 0.3


def test_things_stand_clear_and_small_ones_are_in_hand() -> None:
    crowd = parse_prompt("40 people stand in a city")
    for text in ("walk to a house", "sit on a sofa", "climb a ladder", "point at a planet"):
        found = told(text, crowd, actor=crowd.actors[0].id)
        assert found.objects
        for item in found.objects:
            spots = [actor.initial_position for actor in crowd.actors]
            x, y = item.position.x, item.position.y
            assert min(hypot(x - spot.x, y - spot.y) for spot in spots) > 0.5, text
    found = told("drink")
    assert [(o.object_type, o.held_by) for o in found.objects] == [(ObjectType.CUP, "man")]
    assert found.notes == ["a cup is brought in the man's hand"]


def test_a_ladder_is_walked_to_and_climbed() -> None:
    found = told("climb the ladder", "a man sits on a bench")
    assert actions_of(found, "man") == [A.WALK, A.CLIMB]
    path = patch_of(found, "man").path
    assert max(z or 0.0 for _, _, _, z in path) > 2.0
    assert told("climb").notes == ["nothing to climb: climbing is mimed"]


def test_relations_are_to_where_things_are_now() -> None:
    scene = parse_prompt("a man and a woman stand. a ball lies on the ground")
    ball = str(scene.objects[0].id)
    spots = {"man": (0.0, 0.0, 0.0), "woman": (9.0, 5.0, 0.0), ball: (-6.0, 3.0, 0.1)}
    now = Now(position=spots)
    path = patch_of(told("run to the woman", scene, "man", now), "man").path
    assert path[-1][1:3] == pytest.approx((9.0, 5.0), abs=1.5)
    path = patch_of(told("pick up the ball", scene, "man", now), "man").path
    assert path[-1][1:3] == pytest.approx((-6.0, 3.0), abs=0.7)
    now.velocity["woman"] = (1.4, 0.0)
    path = patch_of(told("run to the woman", scene, "man", now), "man").path
    assert path[-1][1] > 9.5  # where she will be


def test_what_is_in_anothers_hand_is_handed_over() -> None:
    scene = parse_prompt("a man and a woman stand. a ball lies on the ground")
    ball = str(scene.objects[0].id)
    now = Now(holder={ball: "woman"}, position={"woman": (4.0, 0.0, 0.0), "man": (0.0, 0.0, 0.0)})
    found = told("he throws the ball", scene, None, now)
    assert not found.objects
    assert A.PUT_DOWN in actions_of(found, "woman")
    assert actions_of(found, "man") == [A.WALK, A.CATCHING, A.THROWING]
    assert found.notes == ["the woman hands over the ball"]
    found = told("he gives the ball to the woman", scene, None, now)
    assert found.notes == ["the woman has the ball already"]
    now.holder[ball] = "man"
    found = told("he throws the ball to her", scene, None, now)
    assert found.notes == []
    assert A.PICK_UP not in actions_of(found, "man")


def test_a_ball_that_lies_elsewhere_is_fetched_before_it_is_thrown() -> None:
    scene = parse_prompt("a man stands. a ball lies on the ground")
    now = Now(position={str(scene.objects[0].id): (5.0, 0.0, 0.1), "man": (0.0, 0.0, 0.0)})
    assert actions_of(told("throw the ball", scene, None, now), "man") == [
        A.WALK, A.PICK_UP, A.THROWING
    ]  # fmt: skip
    found = told("he pitches it to a catcher", scene, None, now)
    assert [actor.role for actor in found.actors] == ["catcher"]


def test_a_seat_that_is_taken_is_not_sat_on() -> None:
    scene = parse_prompt("a woman sits on a chair. a man stands")
    chair = str(scene.objects[0].id)
    now = Now(seat={"woman": chair}, action={"woman": A.SIT})
    found = told("the man sits on the chair", scene, None, now)
    assert [item.object_type for item in found.objects] == [ObjectType.CHAIR]
    assert "the chair is taken: another one is brought on" in found.notes
    goal = patch_of(found, "man").path[-1]
    seat = found.objects[0].position
    assert hypot(goal[1] - seat.x, goal[2] - seat.y) < 1.0


def test_one_under_way_brakes_before_it_is_met() -> None:
    now = Now(velocity={"man": (4.0, 0.0)}, action={"man": A.RUN}, position={"man": (0, 0, 0)})
    found = told("a woman hugs him", "a man runs", None, now)
    path = patch_of(found, "man").path
    assert path[0][:3] == (T, 0.0, 0.0)
    assert 1.0 < path[-1][1] < 6.0
    assert actions_of(found, "man") == [A.RUN, A.HUG]
    back = told("run to the tree", "a man runs. there is a tree", None, now)
    assert back.patches[0].path[0][0] == T


def test_a_rider_gets_off_before_it_runs() -> None:
    scene = parse_prompt("a girl rides a bicycle")
    bicycle = str(scene.objects[0].id)
    now = Now(action={"girl": A.RIDE}, holder={bicycle: "girl"})
    assert actions_of(told("she sits down", scene, None, now), "girl") == [A.PUT_DOWN, A.SIT]


def test_one_on_a_ladder_comes_down_first() -> None:
    scene = parse_prompt("a man climbs a ladder")
    now = Now(action={"man": A.WAVE}, position={"man": (0.0, 0.0, 2.8)})
    path = patch_of(told("run left", scene, None, now), "man").path
    assert path[0] == (T, 0.0, 0.0, 2.8)
    assert any(z == 0.0 for _, _, _, z in path)
    assert patch_of(told("he waves", scene, None, now), "man").path == [(T, 0.0, 0.0, 2.8)]


def test_named_subjects_act_whoever_is_addressed() -> None:
    scene = parse_prompt("a man and a woman stand")
    assert [p.actor for p in told("the woman sits", scene, "man").patches] == ["woman"]
    found = told("hug the man", scene, "man")
    assert [actor.role for actor in found.actors] == ["man"]  # another one
    assert {p.actor for p in told("hug the man", scene).patches} == {"woman", "man"}
    found = told("sit down, then wave to a girl", scene, "man")
    assert actions_of(found, "man") == [A.SIT, A.WAVE]
    assert [actor.role for actor in found.actors] == ["girl"]


def test_stop_and_not_end_what_goes_on() -> None:
    now = Now(action={"man": A.WALK}, velocity={"man": (1.4, 0.0)})
    for text in ("stop", "does not move", "stops walking", "no longer walks"):
        (patch,) = told(text, "a man walks", None, now).patches
        assert [action for _, action in patch.actions] == [A.IDLE], text


def test_things_set_off_by_themselves() -> None:
    found = told("a car drives by")
    (car,) = found.objects
    assert car.movement_path[0][0] == pytest.approx(T, abs=0.01)
    scene = parse_prompt("a man waves. there is a car")
    found = told("the car drives to the left", scene)
    (knots,) = found.ways.values()
    assert knots[-1][1] < knots[0][1] - 10.0
    assert not found.objects


def test_what_cannot_change_is_said() -> None:
    with pytest.raises(ValueError, match="the weather and the light of a running scene stay"):
        told("now it is raining")
    with pytest.raises(ValueError, match="the place of a running scene stays"):
        told("the scene is a beach")
    assert "the weather and the light of a running scene stay" in told("he runs in the rain").notes
    with pytest.raises(ValueError, match="at most 1,000"):
        told("1000 dogs come in")
    for text in ("", "   ", "xyzzy plugh", "the tree"):
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            told(text)


def test_pronouns_mean_who_and_what_is_on_stage() -> None:
    scene = parse_prompt("a man and a woman stand. the man carries a box")
    assert actions_of(told("he hugs the other one", scene), "woman") == [A.HUG]
    assert {p.actor for p in told("they dance", scene).patches} == {"man", "woman"}
    assert {p.actor for p in told("everyone sits down", scene).patches} == {"man", "woman"}
    assert not told("he puts it down", scene, None, Now(holder={"box": "man"})).objects
    left = min(scene.actors, key=lambda actor: actor.initial_position.x).id
    assert {p.actor for p in told("the one on the left jumps", scene).patches} == {left}


def test_an_empty_stage_fills() -> None:
    for text in ("dance", "a dog runs", "it jumps", "everyone sits down"):
        found = told(text, Scene(duration=8.0))
        assert found.actors, text


def test_ways_are_never_faster_than_anybody() -> None:
    for text in ("sprint very fast 200 metres", "run 5 metres", "sprint 1 metre", "dash to a dog"):
        for patch in told(text).patches:
            for a, b in pairwise(patch.path or []):
                assert hypot(b[1] - a[1], b[2] - a[2]) <= 12.0 * (b[0] - a[0])


def test_captions_of_newcomers_and_of_those_it_concerns() -> None:
    scene = parse_prompt("a man and a woman stand")
    scene.events = [
        Event(t=2.0, text="the woman hugs a boy"),
        Event(t=4.0, text="sit down", actor="man"),
        Event(t=6.0, text="stop"),
    ]
    (boy,) = parse_event(scene.events[0].text, scene, None, 2.0).actors
    scene.actors.append(boy.model_copy(update={"brought_by": 0}))
    man, woman, child = event_clauses(scene)
    assert man == [(4.0, "sit down"), (6.0, "stop")]
    assert woman == [(2.0, "hugs a boy"), (6.0, "stop")]
    assert child == [(2.0, "comes in, then hugs the woman"), (6.0, "stop")]
    assert clauses_in_force(scene)[2] == child
    assert clauses_in_force(scene)[1][0][0] == 0.0
    assert tasks_of(scene)[2] == "a boy comes in, then hugs the woman, then stop"


def test_a_newcomer_is_a_whole_actor() -> None:
    (actor,) = told("a big red robot waves angrily").actors
    assert isinstance(actor, Actor)
    assert (actor.role, actor.actor_type.value) == ("robot", "robot")
    assert actor.scale > 1.2
    assert Scene(actors=[actor]).actors[0] == actor
