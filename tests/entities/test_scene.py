"""The scene file: what it takes, what it refuses and how it says so."""

import json
import re

import pytest
from pydantic import ValidationError

from entities.scene import (
    MAX_ACTORS,
    MAX_ENTRIES,
    MAX_SCENE_BYTES,
    Actor,
    Event,
    Scene,
    explain,
    load_scene,
    parse_scene,
)
from entities.skeleton import ActorType


def actor(**fields):
    return {"id": "a", "initial_position": {"x": 0, "y": 0}, **fields}


def refusal(**scene):
    with pytest.raises(ValidationError) as error:
        Scene.model_validate(scene)
    line = explain(error.value)
    assert "\n" not in line
    return line


def test_only_what_is_required_is_required():
    scene = Scene.model_validate(
        {
            "actors": [actor()],
            "objects": [{"object_type": "tree", "position": {"x": 1, "y": 2}}],
        }
    )
    assert scene.prompt == ""
    assert scene.actors[0].scale == 1.0
    assert scene.objects[0].id == "tree_0"
    assert Actor(**actor(actor_type=ActorType.CHILD)).scale == 0.65


def test_json_round_trip_is_exact():
    scene = Scene.model_validate(
        {
            "prompt": "a man runs",
            "seed": 2**62,
            "actors": [
                actor(
                    actions=[[0.1, "running_bases"], [2, "sit"]],
                    movement_path=[[0, {"x": 0.1, "y": 0}], [3, {"x": 9, "y": 0, "z": 1}]],
                    cues=[{"t": 1, "say": "hey", "target": "ball"}],
                )
            ],
            "objects": [{"id": "ball", "object_type": "ball", "position": {"x": 1, "y": 2}}],
            "events": [{"t": 1.5, "actor": "a", "text": "now he stops"}],
        }
    )
    assert parse_scene(scene.model_dump_json()) == scene


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"actions": [[0, "moonwalk"]]},
            r"actors\[0\]\.actions\[0\]\[1\]: unknown 'moonwalk'; e",
        ),
        ({"actions": [[0, ["walk"]]]}, r"actors\[0\]\.actions\[0\]\[1\]: unknown"),
        ({"actions": [[2, "walk"], [1, "run"]]}, r"actors\[0\]\.actions\[1\]\[0\].*sorted"),
        ({"actions": [[4000, "walk"]]}, r"actors\[0\]\.actions\[0\]\[0\].*3600"),
        ({"initial_position": {"x": float("nan"), "y": 0}}, r"initial_position\.x.*finite"),
        ({"initial_position": {"x": 1e9, "y": 0}}, r"initial_position\.x.*100000"),
        ({"scale": 99}, r"actors\[0\]\.scale.*10.*came: 99"),
        ({"velocity": [50, 0]}, r"actors\[0\]\.velocity\[0\].*12"),
        ({"actor_type": "ghost"}, r"actor_type: unknown 'ghost'; expected one of human"),
        ({"color": "mauve"}, r"color: unknown colour 'mauve'; expected #rrggbb"),
        ({"style_intensity": 2}, r"style_intensity.*1"),
        ({"hat": 1}, r"actors\[0\]\.hat"),
        (
            {"movement_path": [[0, {"x": 0, "y": 0}], [0, {"x": 1, "y": 0}]]},
            r"movement_path\[1\]\[0\].*increasing",
        ),
    ],
)
def test_a_bad_actor_is_refused_by_field(fields, says):
    line = refusal(actors=[actor(**fields)])
    assert line.startswith("actors[0].")
    assert re.search(says, line), line


def test_limits_are_refused_by_field():
    many = [actor(id=str(i)) for i in range(MAX_ACTORS + 1)]
    assert refusal(actors=many).startswith("actors: ")
    things = [{"object_type": "box", "position": {"x": 0, "y": 0}}] * 1001
    assert refusal(objects=things).startswith("objects: ")
    assert refusal(duration=3601).startswith("duration: ")
    assert refusal(duration=0).startswith("duration: ")
    assert refusal(version=2).startswith("version: ")
    assert refusal(seed=-1).startswith("seed: ")
    assert refusal(gravity=float("inf")).startswith("gravity: ")
    assert refusal(weather="hot").startswith("weather: unknown 'hot'; expected one of clear")
    assert refusal(theme="No Theme").startswith("theme: ")
    assert refusal(colour=1).startswith("colour: ")


def test_names_must_differ_and_exist():
    assert "actors[1].id: 'a' is taken" in refusal(actors=[actor(), actor()])
    ball = {"object_type": "ball", "position": {"x": 0, "y": 0}, "held_by": "nobody"}
    assert "objects[0].held_by: no actor 'nobody'" in refusal(objects=[ball])
    assert "camera.follow: no actor 'x'" in refusal(camera={"follow": "x"})
    event = {"t": 1, "actor": "x", "text": "stop"}
    assert "events[0].actor: no actor 'x'" in refusal(events=[event])


def test_files_are_named_in_errors(tmp_path):
    path = tmp_path / "scene.json"
    path.write_text(json.dumps({"duration": -1}))
    with pytest.raises(ValueError, match=r"scene\.json: duration: "):
        load_scene(path)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"scene\.json: .*JSON"):
        load_scene(path)
    path.write_bytes(b"{\n\xff}")
    with pytest.raises(ValueError, match=r"scene\.json: line 2: byte 0xff is not UTF-8 text"):
        load_scene(path)


def test_an_event_needs_words():
    with pytest.raises(ValidationError):
        Event(t=1, text="")


@pytest.mark.parametrize(
    ("scene", "where"),
    [
        ({"prompt": "a\0"}, "prompt"),
        ({"description": "\0"}, "description"),
        ({"actors": [actor(cues=[{"t": 0, "say": "\0"}])]}, "actors[0].cues[0].say"),
        ({"actors": [actor(id="a\0")]}, "actors[0].id"),
        ({"actors": [actor(caption="\0")]}, "actors[0].caption"),
        ({"events": [{"t": 0, "text": "a\0"}]}, "events[0].text"),
    ],
)
def test_nothing_that_cannot_be_drawn_is_taken(scene, where):
    assert refusal(**scene).startswith(f"{where}: a NUL letter")


def test_a_keyframe_follows_somebody():
    keys = [{"t": 0, "follow": "a"}, {"t": 1, "follow": "ghost"}]
    line = refusal(actors=[actor()], camera={"keyframes": keys})
    assert line.startswith("camera.keyframes[1].follow: no actor 'ghost'")


def test_every_list_has_a_limit():
    knots = [[t, {"x": 0, "y": 0}] for t in range(MAX_ENTRIES + 1)]
    for lists in (
        {"actions": [[0, "walk"]] * (MAX_ENTRIES + 1)},
        {"cues": [{"t": 0}] * (MAX_ENTRIES + 1)},
        {"movement_path": [[t / 10_000, place] for t, place in knots]},
    ):
        line = refusal(actors=[actor(**lists)])
        assert line.startswith(f"actors[0].{next(iter(lists))}: ")
        assert str(MAX_ENTRIES) in line
    event = {"t": 1, "text": "stop"}
    assert refusal(events=[event] * (MAX_ENTRIES + 1)).startswith("events: ")
    keys = {"keyframes": [{"t": 0}] * (MAX_ENTRIES + 1)}
    assert refusal(camera=keys).startswith("camera.keyframes: ")
    crowd = [actor(id=str(i), actions=[[0, "walk"]] * MAX_ENTRIES) for i in range(11)]
    assert "110000 actions, cues" in refusal(actors=crowd)


@pytest.mark.parametrize(
    "scene",
    [
        {"prompt": "x" * 100_000},
        {"x" * 100_000: 1},
        {"\x1b[2J\n": 1},
        {"actors": [actor(actions=[[0, "y" * 100_000]])]},
        {"actors": [actor(color="z" * 100_000)]},
        {"actors": [actor(color=["z"] * 100_000)]},
        {"weather": {"a": ["z"] * 100_000}},
        {"theme": [[[[[[[[[[]]]]]]]]]] * 10_000},
        {"actors": [0] * MAX_ACTORS},
    ],
)
def test_a_refusal_is_short_whatever_came(scene):
    line = refusal(**scene)
    assert len(line) < 1_500  # the names of all actions among them
    assert line.isprintable()


def test_many_faults_are_not_all_looked_for():
    crowd = [actor(id=str(i), actions=[0] * MAX_ENTRIES) for i in range(20)]
    with pytest.raises(ValidationError) as error:
        Scene.model_validate({"actors": crowd})
    assert error.value.error_count() == 1


def test_a_scene_file_is_read_whatever_wrote_it(tmp_path):
    path = tmp_path / "scene.json"
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes('{"prompt": "häh",\r\n "duration": 2}'.encode(encoding))
        assert load_scene(path).prompt == "häh"
    for text, says in (
        ('{"duration": 1, "duration": 3}', "key 'duration' comes twice"),
        ('{"duration":\n 1e999}', "line 2: '1e999' is beyond"),
        ("[" * 100_000, "levels of lists"),
        ("[]", "valid dictionary"),
        ("x" * (MAX_SCENE_BYTES + 1), "larger than 4 MiB"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"scene\.json: ") as error:
            load_scene(path)
        assert says in str(error.value)
