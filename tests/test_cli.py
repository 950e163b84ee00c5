"""The command: what it prints where, and how it says no."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import entities.command
import run_sim
from entities.scene import Scene, load_scene
from sim.story.script_file import with_script
from tests.conftest import make_scene

COMMAND = Path(run_sim.__file__)


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """The command in its own process."""
    return subprocess.run(
        [sys.executable, str(COMMAND), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


@pytest.fixture
def scene_file(tmp_path) -> Path:
    path = tmp_path / "scene.json"
    scene = make_scene({"actions": [[0.0, "run"]]}, {"initial_position": {"x": 0, "y": 2}})
    path.write_text(scene.model_dump_json())
    return path


@pytest.fixture
def refused(monkeypatch, capsys):
    """Runs the command in this process and returns its one line of refusal."""
    monkeypatch.setattr(entities.command.signal, "signal", lambda *_: None)

    def call(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["run_sim.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            run_sim.main()
        out, err = capsys.readouterr()
        assert exit_.value.code == 2
        assert out == ""
        assert err.startswith("stride: ")
        assert err.count("\n") == 1
        return err.strip()

    return call


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["--prompt", "--scene"]),
        (["a man runs"], ["unexpected", "a man runs"]),
        (["--prompt"], ["--prompt", "requires an argument"]),
        (["--recrod", "d"], ["--recrod"]),
        (["--record", "d"], ["--prompt", "--scene"]),
        (["--replay", "nowhere"], ["nowhere", "no dataset here"]),
        (["--replay", "d", "--seed", "3"], ["--seed: not with --replay"]),
        (["--replay", "d", "--record", "e"], ["--record: not with --replay"]),
        (["--prompt", "a man runs", "--episode", "3"], ["--episode: not with --prompt"]),
        (["--prompt", "a man runs", "--record-video"], ["--record-video: only for a dataset"]),
        (["--planner", "robot"], ["--planner", "'robot'", "'llm'"]),
        (["--scene", "x.json", "--planner", "llm"], ["--planner", "--prompt"]),
        (["--scene", "x.json", "--embedder", "minilm"], ["--embedder", "--prompt"]),
        (["--prompt", "a man runs", "--llm-model", "m"], ["--llm-model", "--planner llm"]),
        (["--prompt", "a man runs", "--embedder", "glove"], ["'glove'", "minilm"]),
        (["--prompt", "a man runs", "--scene", "x.json"], ["either --prompt or --scene"]),
        (["--prompt", ""], ["prompt"]),
        (["--scene", "nowhere.json"], ["nowhere.json", "No such file"]),
        (["--prompt", "a man runs", "--size", "big"], ["--size", "'big'", "1280x720"]),
        (["--prompt", "a man runs", "--seed", "-1"], ["--seed", "0"]),
        (["--prompt", "a man runs", "--seed", "x"], ["--seed"]),
        (["--prompt", "a man runs", "--camera", "drone"], ["'drone'", "'orbit'"]),
        (["--prompt", "a man runs", "--follow", "zed"], ["--follow", "'zed'", "expected"]),
        (["--prompt", "a man runs", "--fps", "30"], ["--fps", "--video"]),
        (["--prompt", "a man runs", "--transparent"], ["--transparent", "--video"]),
        (["--prompt", "a man runs", "--video", "a.mp4", "--headless"], ["--video and --headless"]),
        (["--prompt", "a man runs", "--video", "a.mp4", "--fps", "500"], ["fps: 500", "120"]),
        (["--prompt", "a man runs", "--video", "a.mp4", "--fps", "0"], ["fps: 0"]),
        (["--prompt", "a man runs", "--video", "a.mp4", "--size", "33x20"], ["33x20", "even"]),
        (["--prompt", "a man runs", "--video", "a.avi"], ["a.avi", ".mp4"]),
        (["--prompt", "a man runs", "--video", "no/a.mp4"], ["no folder", "no"]),
        (["--prompt", "a man runs", "--headless", "--seconds", "0"], ["duration", "0"]),
        (["--prompt", "a man runs", "--headless", "--seconds", "1e9"], ["duration", "3600"]),
        (["--prompt", "a man runs", "--headless", "--seconds", "nan"], ["duration"]),
        (["--prompt", "a man runs", "--headless", "--script", "no.txt"], ["no.txt"]),
    ],
)
def test_a_users_error_is_one_line_and_exit_code_2(
    refused, monkeypatch, tmp_path, arguments, parts
):
    monkeypatch.chdir(tmp_path)
    line = refused(*arguments)
    for part in parts:
        assert part in line
    assert list(tmp_path.iterdir()) == []


def test_a_broken_scene_file_is_named_with_its_field(refused, tmp_path):
    path = tmp_path / "scene.json"
    path.write_text('{"actors": [{"id": "a", "initial_position": {"x": 0, "y": 0}, "scale": 0}]}')
    assert f"{path}: actors[0].scale" in refused("--scene", path, "--headless")
    path.write_text("{")
    assert str(path) in refused("--scene", path, "--headless")
    path.write_bytes(b"\xff")
    assert "UTF-8" in refused("--scene", path, "--headless")
    assert "directory" in refused("--scene", tmp_path, "--headless")


def test_a_bug_keeps_its_traceback(monkeypatch, scene_file):
    def broken(*_: object) -> str:
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr(run_sim, "summary", broken)
    monkeypatch.setattr(entities.command.signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["run_sim.py", "--scene", str(scene_file), "--headless"])
    with pytest.raises(ValueError, match="broadcast"):
        run_sim.main()


def test_dump_scene_prints_only_the_scene_and_loads_nothing_heavy(scene_file, tmp_path):
    done = run("--scene", scene_file, "--dump-scene", "-", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    scene = Scene.model_validate_json(done.stdout)
    assert scene == load_scene(scene_file)
    loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "entities.scene" in loaded
    assert not loaded & {"pygame", "av", "pymunk", "rich.console", "sim.loop", "onnxruntime"}
    copy = tmp_path / "copy.json"
    done = run("--scene", scene_file, "--seconds", "3", "--camera", "fit", "--dump-scene", copy)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert load_scene(copy).duration == 3.0
    assert load_scene(copy).camera.mode == "fit"


def test_a_prompt_becomes_a_scene(tmp_path):
    done = run("--prompt", "a man runs to the tree", "--seed", "5", "--dump-scene", "-")
    scene = Scene.model_validate_json(done.stdout)
    assert scene.prompt == "a man runs to the tree"
    assert scene.seed == 5
    assert [thing.object_type for thing in scene.objects] == ["tree"]
    notices = done.stderr.strip()
    assert notices == scene.description
    assert run("--prompt", scene.prompt, "--quiet", "--dump-scene", "-").stderr == ""


def test_version_and_schema():
    version = run("--version")
    assert version.returncode == 0
    assert version.stdout.strip().count(".") == 2
    schema = json.loads(run("--scene-schema").stdout)
    assert set(schema["properties"]) == set(Scene.model_fields)


def test_headless_prints_one_line_of_summary(scene_file):
    done = run("--scene", scene_file, "--headless", "--seconds", "10")
    assert (done.stderr, done.returncode) == ("", 0)
    (line,) = done.stdout.splitlines()
    assert line.startswith("2 actors, 10 s in ")
    assert "x real time" in line
    far = float(line.rsplit(" ", 2)[1])
    assert 44.0 < far < 46.0  # 5 m/s for 10 s less the start: v (10 - tau)


@pytest.mark.slow
def test_progress_is_for_people(scene_file, tmp_path):
    film = ["--scene", scene_file, "--seconds", "0.5", "--size", "64x48"]
    plain = run(*film, "--video", tmp_path / "a.mp4")
    assert (plain.stdout, plain.stderr, plain.returncode) == ("", "", 0)
    forced = run(*film, "--video", tmp_path / "b.mp4", FORCE_COLOR="1")
    assert "15/15" in forced.stderr
    assert forced.stdout == ""
    quiet = run(*film, "--video", tmp_path / "c.gif", "--quiet", FORCE_COLOR="1")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    loud = run(*film, "--video", tmp_path / "d.gif")
    assert loud.stderr.count("\n") == 1
    assert "33.33 fps" in loud.stderr


def test_scripts(tmp_path):
    scene = make_scene({"id": "anna"}, {"id": "bob"})
    path = tmp_path / "script.txt"
    path.write_text("# later\n\n7 bob: now he waves\n 3.5 now they say: hello \n")
    events = with_script(scene, path).events
    assert [(e.t, e.actor, e.text) for e in events] == [
        (3.5, None, "now they say: hello"),
        (7.0, "bob", "now he waves"),
    ]
    path.write_text('[{"t": 1, "actor": "anna", "text": "sits"}]')
    assert with_script(scene, path).events[0].actor == "anna"
    assert scene.events == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("now she sits", r"script.txt:1: 'now she sits'; expected '3.5"),
        ("1 he runs\n-2 he sits", r"script.txt:2: '-2 he sits'"),
        ("9999 he runs", r"script.txt:1: t: .*3600"),
        ("1 carl: sits", r"no actor 'carl'; expected one of anna, bob"),
        ('[{"t": 1}]', r"script.txt: \[0\].text"),
        ("[1, 2", r"script.txt: not JSON"),
        ("[1]", r"script.txt: \[0\]:"),
    ],
)
def test_bad_scripts_are_named_by_line(tmp_path, text, line):
    path = tmp_path / "script.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=line):
        with_script(make_scene({"id": "anna"}, {"id": "bob"}), path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_scripts_are_read_whatever_wrote_them(tmp_path, encoding):
    path = tmp_path / "script.txt"
    path.write_bytes("0.5 now she\u2028sits\r\n2\tanna:\the waves \f\r3 stop\x85".encode(encoding))
    events = with_script(make_scene({"id": "anna"}), path).events
    assert [(e.t, e.actor, e.text) for e in events] == [
        (0.5, None, "now she\u2028sits"),
        (2.0, "anna", "he waves"),
        (3.0, None, "stop"),
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"1 she sits\n2 \xe4", "script.txt: line 2: byte 0xe4"),
        (b"1 she sits\n2 a\0", "script.txt: line 2: a NUL"),
        (b"inf she sits", "'inf she sits'"),
        (b"1e400 she sits", "expected '3.5"),
        (b"9" * 400 + b" she sits", "finite"),
        (b"x" * 10_000, "xxx...'"),
        (b"1 " + b"x" * 10_000, "at most 2000"),
        (b"1 stop\n" * 10_001, "10001 sentences; expected 10000"),
        (b"x" * (2 << 20), "larger than 1 MiB"),
        (b"[" * 100_000, "levels"),
        (b'[{"t": 1, "t": 2, "text": "x"}]', "'t' comes twice"),
        (b'[{"t": 1e999, "text": "x"}]', "'1e999'"),
        (b'[{"t": 1, "text": "\\u0000"}]', "[0].text: a NUL"),
        (b"[" + b"0," * 50_000 + b"0]", "script.txt: "),
    ],
)
def test_a_script_of_any_kind_is_a_line_at_worst(tmp_path, data, says):
    path = tmp_path / "script.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"script\.txt") as error:
        with_script(make_scene(), path)
    assert says in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("name", ["dash", "link", "dangling", "long"])
def test_a_scene_is_dumped_where_it_is_asked_for(refused, monkeypatch, tmp_path, scene_file, name):
    monkeypatch.chdir(tmp_path)
    target = {"dash": "-a.json", "long": "x" * 255}.get(name, "link")
    if name == "link":
        Path("real").write_text("old")
    if target == "link":
        Path("link").symlink_to("real")
    monkeypatch.setattr(sys, "argv", ["x", "--scene", str(scene_file), "--dump-scene", target])
    with pytest.raises(SystemExit) as exit_:
        run_sim.main()
    assert exit_.value.code in (0, None)
    assert load_scene(target) == load_scene(scene_file)
    assert Path("link").is_symlink() == (target == "link")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("/dev/full", "/dev/full: No space left on device"),
        ("no/a.json", "no/a.json: No such file or directory"),
        ("scene.json/a.json", "Not a directory"),
        (".", "Is a directory"),
        ("loop", "loop: Too many levels of symbolic links"),
        ("x" * 256, "File name too long"),
    ],
)
def test_a_scene_that_cannot_be_dumped_is_a_line(refused, monkeypatch, scene_file, target, says):
    monkeypatch.chdir(scene_file.parent)
    Path("loop").symlink_to("loop")
    assert says in refused("--scene", scene_file, "--dump-scene", target)
    assert sorted(os.listdir()) == ["loop", "scene.json"]


def test_a_prompt_is_text(refused):
    assert "--prompt: not UTF-8 text" in refused("--prompt", "a man \udcff runs", "--headless")


@pytest.mark.parametrize("arguments", [["--version"], ["--dump-scene", "-"]])
def test_output_that_cannot_be_printed_is_a_line(scene_file, arguments):
    given = ["--scene", scene_file] if "--dump-scene" in arguments else []
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, str(COMMAND), *map(str, given), *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


WITHOUT = """
import importlib, subprocess, sys
sys.modules["fcntl"] = sys.modules["resource"] = sys.modules["pwd"] = sys.modules["grp"] = None
popen = subprocess.Popen
def as_windows(*args, **kwargs):
    assert not kwargs.get("pass_fds"), "pass_fds not supported on Windows"
    return popen(*args, **kwargs)
subprocess.Popen = as_windows
for name in ("run_sim", "sim.output.recorder", "sim.output.replay", "ml.episodes",
             "sim.window.window", "tools.import_bvh", "tools.render_batch",
             "tools.generate_dataset"):
    importlib.import_module(name)
from sim import parse_prompt, render_video
render_video(parse_prompt("a man walks"), sys.argv[1], seconds=0.5, size=(64, 36))
"""


@pytest.mark.slow
def test_nothing_needs_what_one_system_lacks(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path / "a.mp4")],
        capture_output=True,
        text=True,
        cwd=COMMAND.parent,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.mp4").stat().st_size > 0


def test_without_a_display_the_window_says_what_to_do(scene_file):
    done = run("--scene", scene_file, SDL_VIDEODRIVER="x11", DISPLAY=":nowhere")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--video" in done.stderr
