"""What the story engine makes of sentences: cast, props, stage, times; and what it refuses."""

import json
from math import hypot, pi
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entities.actions import ACTION_VELOCITIES, ActionType
from entities.scene import Actor, parse_scene
from entities.stages import places
from entities.units import MOON_GRAVITY
from sim.build import build_world
from sim.story import Now, Patch, parse_event, parse_prompt
from sim.story.language.lexicon import (
    roles,
    themes,
    third_person,
    verb_forms,
    verbs,
    vocabulary,
    words,
)

PROMPTS = Path(__file__).parents[2] / "data" / "prompts_dev.jsonl"


def names(actor: Actor) -> list[str]:
    return [action.value for _, action in actor.actions if action is not ActionType.IDLE]


def end(actor: Actor) -> tuple[float, float]:
    assert actor.movement_path
    return actor.movement_path[-1][1].x, actor.movement_path[-1][1].y


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("a man runs", 1),
        ("two men run", 2),
        ("a dozen men run", 12),
        ("half a dozen kids run", 6),
        ("a couple of dogs run", 2),
        ("twenty-five people dance", 25),
        ("one hundred and twenty robots march", 120),
        ("50 people march", 50),
        ("a man, a woman and a dog walk", 3),
        ("a man and two women walk", 3),
        ("a family walks in the park", 4),
        ("a crowd of people cheers", 12),
        ("nobody moves", 0),
        ("a man runs and a man walks", 2),
        ("a man runs. The man falls.", 1),
        ("a man runs. Another man falls.", 2),
        ("two men wave, one of them sits down", 2),
        ("the pitcher throws the ball to the catcher", 2),
        ("1000 men run", 1000),
    ],
)
def test_counts(prompt: str, count: int) -> None:
    assert len(parse_prompt(prompt).actors) == count


def test_the_readme_prompt() -> None:
    scene = parse_prompt("a man runs from home plate to first base while the crowd waits")
    (man,) = scene.actors
    assert (scene.theme, scene.objects, names(man)) == ("baseball", [], ["run"])
    assert hypot(man.initial_position.x, man.initial_position.y) < 0.5
    assert end(man) == pytest.approx(places("baseball")["first"], abs=0.01)
    assert scene.description == ""


def test_who_is_who() -> None:
    scene = parse_prompt("a girl in a red dress waves at an old man and a green alien laughs")
    girl, man, alien = scene.actors
    assert (girl.actor_type, girl.color, girl.role) == ("child", "red", "girl")
    assert (man.style, man.role, names(man)) == ("old", "old man", [])
    assert (alien.actor_type, alien.color) == ("alien", "green")
    assert girl.cues[0].target == man.id
    scene = parse_prompt("Alice walks to Bob and hugs him")
    assert [actor.id for actor in scene.actors] == ["alice", "bob"]
    assert names(scene.actors[1]) == ["hug"]


def test_pronouns_find_the_right_one() -> None:
    scene = parse_prompt("a man and a woman walk. He sits down and she sings.")
    assert names(scene.actors[0])[-1] == "sit"
    assert names(scene.actors[1])[-1] == "sing"
    scene = parse_prompt("two robots walk. One of them falls, the other one laughs.")
    assert sorted(names(actor)[-1] for actor in scene.actors) == ["fall", "laugh"]


def test_times_follow_the_words() -> None:
    (man,) = parse_prompt("a man waves for 4 seconds, then bows and 2 seconds later claps").actors
    starts = {action.value: t for t, action in man.actions}
    assert starts["bow"] == pytest.approx(4.0, abs=0.01)
    assert starts["clap"] == pytest.approx(starts["bow"] + 2.2 + 2.0, abs=0.01)
    (man,) = parse_prompt("a man jumps three times").actors
    assert names(man) == ["jump"] * 3


def test_going_takes_the_time_the_action_needs() -> None:
    (man,) = parse_prompt("a man runs 30 meters to the right").actors
    assert man.movement_path
    start, finish = man.movement_path[0], man.movement_path[-1]
    assert finish[1].x - start[1].x == pytest.approx(30.0)
    pace = 30.0 / finish[0]
    assert 0.7 * ACTION_VELOCITIES[ActionType.RUN] < pace < ACTION_VELOCITIES[ActionType.RUN]


def test_a_direction_alone_needs_no_path() -> None:
    (man,) = parse_prompt("a man sprints to the left").actors
    assert man.movement_path is None
    assert abs(man.heading) == pytest.approx(pi)
    assert man.initial_position.x > 0.0


def test_negation_and_stopping() -> None:
    assert names(parse_prompt("a man does not run, he walks").actors[0]) == ["walk"]
    assert names(parse_prompt("the man never dances").actors[0]) == []
    (man,) = parse_prompt("a man runs, then stops").actors
    assert [action.value for _, action in man.actions] == ["run", "idle"]


def test_partners_stand_face_to_face_at_arms_length() -> None:
    for prompt, gap in (("a man hugs a woman", 0.45), ("two women shake hands", 0.8)):
        a, b = parse_prompt(prompt).actors
        dx = b.initial_position.x - a.initial_position.x
        dy = b.initial_position.y - a.initial_position.y
        assert hypot(dx, dy) == pytest.approx(gap, abs=0.01)
        assert np.cos(a.heading) * dx + np.sin(a.heading) * dy == pytest.approx(gap, abs=0.01)
        assert np.cos(a.heading - b.heading) == pytest.approx(-1.0)
        assert a.actions[0] == b.actions[0]


def test_a_pitch_has_a_catcher_and_a_ball_in_hand() -> None:
    scene = parse_prompt("the pitcher pitches a fastball and the batter swings")
    cast = {actor.role: actor for actor in scene.actors}
    assert set(cast) == {"pitcher", "catcher", "batter"}
    ball = next(item for item in scene.objects if item.object_type == "baseball")
    assert ball.held_by == cast["pitcher"].id
    assert cast["pitcher"].cues[0].target == cast["catcher"].id
    at = cast["pitcher"].initial_position
    assert (at.x, at.y) == pytest.approx(places("baseball")["mound"])
    assert any(item.held_by == cast["batter"].id for item in scene.objects)


def test_fielders_come_only_to_a_game() -> None:
    game = parse_prompt("a baseball game")
    assert len(game.actors) == 10
    assert len(parse_prompt("a pitcher on the mound throws a pitch").actors) == 2


def test_a_ball_is_thrown_and_caught() -> None:
    scene = parse_prompt("a man throws a ball to a woman")
    man, woman = scene.actors
    assert [item.held_by for item in scene.objects] == [man.id]
    assert man.cues[0].target == woman.id
    assert names(woman) == ["catching"]
    assert woman.initial_position.x - man.initial_position.x == pytest.approx(7.0)


def test_stage_weather_and_light() -> None:
    for prompt, wanted in (
        ("a man walks on the beach at sunset", ("beach", "clear", "dusk")),
        ("two kids play in the snow in the park", ("park", "snow", "day")),
        ("a thief sneaks through the city at night in the rain", ("city", "rain", "night")),
        ("an astronaut walks on the moon", ("space", "clear", "day")),
    ):
        scene = parse_prompt(prompt)
        assert (scene.theme, scene.weather.value, scene.time_of_day.value) == wanted
    assert parse_prompt("an astronaut jumps").gravity == MOON_GRAVITY


def test_nobody_overlaps_at_the_start() -> None:
    for prompt in ("30 people dance", "12 men run left", "a man waves, a woman claps, a dog barks"):
        spots = np.array(
            [(a.initial_position.x, a.initial_position.y) for a in parse_prompt(prompt).actors]
        )
        gaps = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1))
        assert gaps[~np.eye(len(spots), dtype=bool)].min() > 0.6
        assert np.abs(spots).max() < 15.0


def test_what_is_not_understood_is_said() -> None:
    scene = parse_prompt("a man blorfs and then waves")
    assert "blorfs" in scene.description
    assert "\n" not in scene.description
    assert names(scene.actors[0]) == ["wave"]
    assert "zither" in parse_prompt("a man runs to the zither").description


def test_captions_say_who_does_what() -> None:
    scene = parse_prompt("two men sprint to the tree, then wave")
    assert scene.actors[0].caption == "a man sprints to the tree, then waves"
    assert parse_prompt("the cat is chased by a dog").actors[0].caption == "a dog chases a cat"


def test_same_prompt_and_seed_same_scene() -> None:
    prompt = "three men run around the house while two women clap"
    assert parse_prompt(prompt, 5) == parse_prompt(prompt, 5)
    first, second = parse_prompt(prompt, 5), parse_prompt(prompt, 6)
    assert [a.color for a in first.actors] != [a.color for a in second.actors]
    assert [a.caption for a in first.actors] == [a.caption for a in second.actors]
    assert [a.actions for a in first.actors] == [a.actions for a in second.actors]


@pytest.mark.parametrize(
    "prompt",
    ["", "   ", "\n\t", "x" * 2001, "asdf qwer zxcv", "un hombre corre a la casa", "你好世界",
     "1001 men run", "-5 men run", "\x00\x01", "ein Mann läuft nach links", "?!...", "10^9"],
)  # fmt: skip
def test_refusals_are_one_line(prompt: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{10,300}$"):
        parse_prompt(prompt)


@pytest.mark.parametrize("prompt", ["", "asdf qwer", "x" * 2001])
def test_refusals_give_an_example(prompt: str) -> None:
    with pytest.raises(ValueError, match="a man runs to the tree"):
        parse_prompt(prompt)


def _checked(text: str) -> None:
    scene, refusal = None, ""
    try:
        scene = parse_prompt(text)
    except ValueError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert (scene is None) == bool(refusal)
    if scene is not None:
        assert len(scene.actors) <= 1000
        assert parse_scene(scene.model_dump_json()) == scene


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_a_scene_or_a_clean_error(text: str) -> None:
    _checked(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(sorted(vocabulary())), min_size=1, max_size=25))
def test_any_words_give_a_scene_or_a_clean_error(picked: list[str]) -> None:
    _checked(" ".join(picked))


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_labelled_prompts_can_be_built(every: int) -> None:
    for line in PROMPTS.read_text(encoding="utf-8").splitlines()[::every]:
        scene = parse_prompt(json.loads(line)["prompt"])
        build_world(scene)
        assert 6.0 <= scene.duration <= 45.0


def test_the_data_is_whole() -> None:
    known = {action for verb in verbs().verbs for action in (verb.action, verb.answer)}
    assert set(ActionType) <= known
    assert {role.theme for role in roles().roles.values()} - {None} <= set(themes().themes)
    for theme in themes().themes.values():
        assert set(theme.places.values()) <= set(places(theme.set))
    styles = {role.style for role in roles().roles.values()}
    styles |= {verb.style for verb in verbs().verbs}
    assert styles - {None} <= set(words().styles)


def test_inflections() -> None:
    assert [third_person(verb) for verb in ("run", "go", "catch", "carry", "play")] == [
        "runs", "goes", "catches", "carries", "plays",
    ]  # fmt: skip
    forms = dict(verb_forms("take a seat"))
    assert forms["ing"] == "taking a seat"
    assert forms["ed"] == "took a seat"
    assert dict(verb_forms("jog"))["ing"] == "jogging"
    assert dict(verb_forms("lie"))["ing"] == "lying"


def patches(text: str, actor: str | None = None) -> dict[str, Patch]:
    scene = parse_prompt("a man and a woman walk to the tree. A dog sits.")
    here = {"man": (0.0, 0.0), "woman": (2.0, 0.0), "dog": (0.0, 3.0), "tree": (8.0, 0.0)}
    now = Now(position={name: (*spot, 0.0) for name, spot in here.items()})
    return {patch.actor: patch for patch in parse_event(text, scene, actor, 5.0, now).patches}


@pytest.mark.parametrize(
    ("text", "action", "heading"),
    [
        ("run left", "run", pi),
        ("walk away", "walk", pi / 2),
        ("sprint right", "sprint", 0.0),
        ("jog toward the camera", "jog", -pi / 2),
    ],
)
def test_later_orders_turn_the_actor(text: str, action: str, heading: float) -> None:
    (patch,) = patches(text, "man").values()
    assert patch.actions == [(5.0, ActionType(action))]
    assert patch.heading == pytest.approx(heading)
    assert patch.path is None


def test_later_sentences_name_whom_they_mean() -> None:
    found = patches("now she sits down")
    assert list(found) == ["woman"]
    assert found["woman"].actions == [(5.0, ActionType.SIT)]
    assert set(patches("everyone dances")) == {"man", "woman", "dog"}
    assert list(patches("the dog barks", "man")) == ["dog"]
    assert patches("stop", "man")["man"].actions == [(5.0, ActionType.IDLE)]


def test_later_ways_start_where_the_actor_is() -> None:
    patch = patches("run to the tree", "man")["man"]
    assert patch.path
    assert patch.path[0][:3] == (5.0, 0.0, 0.0)
    assert patch.path[-1][1:3] == pytest.approx((8.0, 0.0), abs=1.2)
    hug = patches("hug her", "man")
    assert [cue.target for cue in hug["man"].cues] == ["woman"]
    assert hug["woman"].actions[-1][1] is ActionType.HUG
    assert [cue.say for cue in patches('he says "hello"')["man"].cues] == ["hello"]


def test_later_nonsense_is_refused() -> None:
    for text in ("", "qwertz", "the tree"):
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            patches(text, "man")
