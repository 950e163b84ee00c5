"""A list of sentences becomes a folder of whole films, whatever happens on the way."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import av
import pytest

from ml.capture.clip_episode import to_episode
from ml.capture.importing import scene_of
from ml.capture.index import IndexRow
from ml.capture.retarget import retarget_clip
from ml.episodes.reader import SceneRecord
from ml.episodes.writer import EpisodeWriter
from sim.loop import Simulation
from sim.output.jobs import Engine, do_all
from sim.output.recorder import Take
from sim.output.shot_list import Look, RecordedScenes, ShotJob, film, read_shots, slug
from tests.conftest import make_scene
from tests.ml.capture.test_retarget import walker
from tools.render_batch import app

TINY = ("--size", "64x36", "--fps", "10", "--seconds", "0.5")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tools.render_batch", *map(str, arguments)]


def batch(*arguments: object, **more) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=300, env=environment(), **more
    )


@pytest.fixture
def here(tool):
    """Runs the command in this process: exit code, stdout and stderr."""
    return partial(tool, app)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def manifest(folder: Path) -> list[dict]:
    """The manifest's whole lines."""
    path = folder / "manifest.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_text_list_is_a_sentence_a_line(tmp_path):
    path = write(tmp_path / "list.txt", "# mine", "a man runs", "", "  two dogs bark!  ")
    shots, refused = read_shots(path, 40, 2.0, None)
    assert refused == []
    assert [(s.name, s.prompt, s.seed, s.seconds, s.where) for s in shots] == [
        ("0000-a-man-runs", "a man runs", 40, 2.0, "list.txt:2"),
        ("0001-two-dogs-bark", "two dogs bark!", 41, 2.0, "list.txt:4"),
    ]


def test_a_line_s_own_wishes_count_first(tmp_path):
    scene = make_scene({"actions": [[0.0, "run"]]}, seed=7)
    (tmp_path / "scene.json").write_text(scene.model_dump_json())
    lines = (
        {
            "prompt": "a man runs",
            "seed": 5,
            "seconds": 1.5,
            "name": "run 1",
            "motion": "procedural",
        },
        {"scene": json.loads(scene.model_dump_json())},
        {"scene": "scene.json", "seed": 9},
    )
    path = write(tmp_path / "list.jsonl", *map(json.dumps, lines), '"a dog walks"')
    one, inline, named, plain = read_shots(path, None, 3.0, None)[0]
    assert (one.name, one.seed, one.seconds, one.motion) == ("run 1", 5, 1.5, "procedural")
    assert (inline.seed, inline.seconds) == (None, 3.0)
    assert inline.parse() == named.parse() == scene
    assert named.seed == 9
    assert (plain.prompt, plain.seed) == ("a dog walks", 3)


def test_a_csv_list_has_a_header(tmp_path):
    path = write(
        tmp_path / "list.csv", "prompt,seed,seconds", '"a man, alone, runs",3,', "she sits,,2"
    )
    first, second = read_shots(path, None, None, "procedural")[0]
    assert (first.prompt, first.seed, first.seconds) == ("a man, alone, runs", 3, None)
    assert (second.seed, second.seconds, second.motion) == (1, 2.0, "procedural")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.txt", "# nothing", "nothing to film"),
        ("a.md", "a man runs", "expected a list"),
        ("a.jsonl", "{", "a.jsonl:1: not JSON"),
        ("a.jsonl", "[1]", "a.jsonl:1: expected an object"),
        ("a.jsonl", '{"promt": "x"}', "a.jsonl:1: unknown 'promt'; expected prompt, scene"),
        ("a.jsonl", '{"seed": 1}', "a.jsonl:1: expected either a prompt or a scene"),
        ("a.jsonl", '{"prompt": "x", "seed": 1.5}', "seed: 1.5; expected a whole number"),
        ("a.jsonl", '{"prompt": "x", "seconds": "long"}', "seconds: 'long'; expected a number"),
        ("a.jsonl", '{"prompt": "x", "name": "../x"}', "name: '../x'"),
        ("a.jsonl", '{"scene": "none.json"}', "none.json: No such file"),
        (
            "a.jsonl",
            '{"prompt":"x","name":"n"}\n{"prompt":"y","name":"n"}',
            "also that of a.jsonl:1",
        ),
        ("a.csv", "prompt,seed\nx,1,2", "a.csv:2: more cells"),
        ("a.csv", "text\nx", "a.csv:2: unknown 'text'"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_with_its_line(tmp_path, name, text, says):
    with pytest.raises(ValueError, match=says):
        read_shots(write(tmp_path / name, text), None, None, None)


def test_a_line_that_is_none_costs_no_other(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [
        b'{"prompt": "a man walks", "seed": 7}',
        b"[" * 100_000,
        b'{"prompt": "a man walks\xff"}',
        b'{"prompt": "x", "prompt": "y"}',
        b'{"prompt": 1e999}',
        b'{"prompt": ["x"]}',
        b'{"prompt": "x", "motion": {}}',
        b'{"prompt": "x", "seed": 1e30}',
        b'{"scene": "none.json"}',
        b'{"scene": "a\\u0000b"}',
        b'{"scene": "/dev/zero"}',
        b"{}",
        b"",
        '{"prompt": "she says\u2028hello"}'.encode(),
    ]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    shots, refused = read_shots(path, None, None, None)
    assert [(s.name, s.prompt, s.seed, s.where) for s in shots] == [
        ("0000-a-man-walks", "a man walks", 7, "a.jsonl:1"),
        ("0012-she-says-hello", "she says\u2028hello", 12, "a.jsonl:14"),
    ]
    assert [line.split(": ")[0] for line in refused] == [f"a.jsonl:{n}" for n in range(2, 13)]
    assert all("\n" not in line and len(line) < 200 for line in refused)
    path = tmp_path / "a.txt"
    path.write_bytes(b"a man runs\n\xe4\nshe\xc2\x85sits\rhe runs\n")
    shots, refused = read_shots(path, None, None, None)
    assert [s.prompt for s in shots] == ["a man runs", "she\x85sits", "he runs"]
    assert [line.split(": ")[0] for line in refused] == ["a.txt:2"]
    path = tmp_path / "a.csv"
    path.write_bytes("prompt,seed\r\na man runs,1\r\nx,1,2\r\nshe sits,\r\n".encode("utf-16"))
    shots, refused = read_shots(path, None, None, None)
    assert [s.prompt for s in shots] == ["a man runs", "she sits"]
    assert refused == ["a.csv:3: more cells than the header"]


@pytest.mark.parametrize(
    "name",
    ["..", ".", "", "a/b", "a\\b", "-a", ".a", "a.", "a ", "a\0b", "a\nb", "con", "NUL.txt", "Com1",
     "aux .x", "x" * 101, "\u0939" * 90, "a:b", "a*", 5.5, True, None, ["a"]],
)  # fmt: skip
def test_a_name_is_a_file_s_on_every_system(tmp_path, name):
    path = write(tmp_path / "a.jsonl", json.dumps({"prompt": "x", "name": name}), '"y"')
    shots, refused = read_shots(path, None, None, None)
    if name is None or name == 5.5:
        assert shots[0].name == ("0000-x" if name is None else "5.5")
    elif name is True:
        assert shots[0].name == "True"
    else:
        assert [shot.prompt for shot in shots] == ["y"]
        assert refused[0].startswith("a.jsonl:1: name: ")


@pytest.mark.parametrize(
    ("one", "other"), [("Take", "take"), ("é", "e\u0301"), ("Straße", "STRASSE"), ("a", "a")]
)
def test_two_films_never_share_a_name(tmp_path, one, other):
    rows = ({"prompt": "a man walks", "name": name} for name in (one, other))
    path = write(tmp_path / "a.jsonl", *map(json.dumps, rows))
    with pytest.raises(ValueError, match=r"a\.jsonl:2: name .* is also that of a\.jsonl:1"):
        read_shots(path, None, None, None)


def test_a_table_of_columns_is_read_in_time(tmp_path):
    path = write(tmp_path / "a.csv", ",".join(map(str, range(200_000))), "a man runs")
    with pytest.raises(ValueError, match=r"a\.csv:2: unknown '0'"):
        read_shots(path, None, None, None)
    write(path, "prompt,seed,prompt", "a man runs,1,x")
    with pytest.raises(ValueError, match="column 'prompt' comes twice"):
        read_shots(path, None, None, None)


def test_a_manifest_is_a_batch_s_own(tmp_path, here):
    path = write(tmp_path / "list.txt", "a man runs")
    (tmp_path / "o").mkdir()
    for line in ("[]", '{"file": "../x.mp4", "key": "", "prompt": "", "bytes": 1}', "[" * 100_000):
        write(tmp_path / "o" / "manifest.jsonl", line)
        code, out, err = here(path, tmp_path / "o", *TINY)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "manifest.jsonl:1: " in err


def test_names_are_short_and_plain():
    assert slug("A man… runs, FAST!") == "a-man-runs-fast"
    assert len(slug("a very " * 20)) <= 40
    assert slug("…") == "scene"


@pytest.mark.slow
def test_what_is_missing_is_made_and_failures_come_last(tmp_path, here):
    out = tmp_path / "films"
    path = write(tmp_path / "list.txt", "a man runs", "qwxz", "two women walk")
    code, stdout, stderr = here(path, out, *TINY, "--workers", 1)
    assert (code, stdout) == (1, "")
    assert "2 made, 0 already there, 1 failed" in stderr
    assert stderr.strip().splitlines()[-1].startswith("list.txt:2: ")
    lines = manifest(out)
    assert [line["file"] for line in lines] == ["0000-a-man-runs.mp4", "0002-two-women-walk.mp4"]
    assert [line["seed"] for line in lines] == [0, 2]
    assert [frames(out / line["file"]) for line in lines] == [5, 5]
    assert (out / "sheet-1.png").is_file()
    before = (out / "0000-a-man-runs.mp4").stat().st_mtime_ns
    write(path, "a man runs", "a boy jumps", "two women walk")
    (out / "0002-two-women-walk.mp4").write_bytes(b"not a film")
    (out / ".0009-x.mp4.77.part").write_bytes(b"of a run that was killed")
    with (out / "manifest.jsonl").open("a") as file:
        file.write('{"key": "cut sho')
    code, _, stderr = here(path, out, *TINY, "--workers", 1)
    assert code == 0, stderr
    assert "2 made, 1 already there, 0 failed" in stderr
    assert (out / "0000-a-man-runs.mp4").stat().st_mtime_ns == before
    assert [line["seed"] for line in manifest(out)] == [0, 1, 2]
    assert frames(out / "0002-two-women-walk.mp4") == 5
    assert sorted(p.suffix for p in out.iterdir()) == [".jsonl", *[".mp4"] * 3, ".png"]


@pytest.mark.slow
def test_a_bad_line_is_named_and_the_rest_summed_up(tmp_path, here):
    path = write(
        tmp_path / "list.jsonl",
        '{"prompt": "a man walks\\u0000"}',
        "[" * 10_000,
        '{"prompt": "a man\u2028walks", "name": "take 1"}',
    )
    code, stdout, stderr = here(path, tmp_path / "a:b", *TINY, "--workers", 1)
    assert (code, stdout) == (1, "")
    summary, *lines = stderr.strip().split("\n")
    assert summary == "1 made, 0 already there, 2 failed"
    assert [line.split(": ")[0] for line in lines] == ["list.jsonl:2", "list.jsonl:1"]
    assert frames(tmp_path / "a:b" / "take 1.mp4") == 5
    assert (tmp_path / "a:b" / "sheet-1.png").is_file()


@pytest.mark.slow
def test_a_dataset_s_scenes_are_filmed_as_they_were_recorded(tmp_path, here):
    data, out = tmp_path / "data", tmp_path / "films"
    run = {"actions": [[0.0, "run"]], "caption": "a man runs"}
    take = Take(Simulation(make_scene(run, {**run, "initial_position": {"x": 0, "y": 2}}, seed=3)))
    take.run_until(30)
    row = IndexRow(Path("walk.bvh"), "a person walks")
    walk = to_episode(retarget_clip(walker(0.5)), row, {})
    with EpisodeWriter(data) as writer:
        writer.add(take.record("complete"), take.episodes())
        writer.add(SceneRecord(make_scene({})), [])  # nobody in it was kept
        writer.add(scene_of(walk), [walk])
    take.close()
    flags = ("--size", "64x36", "--fps", "30", "--workers", "1")
    code, _, stderr = here(data, out, *flags)
    assert (code, "2 made" in stderr) == (0, True), stderr
    lines = manifest(out)
    assert [line["file"] for line in lines] == ["0000-a-man-runs.mp4", "0002-a-person-walks.mp4"]
    assert [frames(out / line["file"]) for line in lines] == [15, len(walk)]
    assert "2 already there" in here(data, out, *flags)[2]
    assert "--seed: not with a dataset" in here(data, out, "--seed", "1")[2]
    order = ShotJob(RecordedScenes(data, None).shots[1], Look(), None, (scene_of(walk), [walk]))
    frame = order.clip().simulation().frame()
    assert frame.joints[0] == pytest.approx(walk.pose[0], abs=1e-6)  # not what would be simulated


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--size", "65x36"), "65x36; expected even"),
        (("--fps", "500"), "fps: 500"),
        (("--kind", "avi"), "'avi'; expected mp4"),
        (("--workers", "0"), "--workers: 0"),
        (("--address", "auto"), "--engine ray"),
    ],
)
def test_a_batch_that_cannot_start_says_so_in_a_line(tmp_path, flags, says, here):
    path = write(tmp_path / "list.txt", "a man runs")
    code, out, err = here(path, tmp_path / "o", *flags)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("gif", 17), ("webm", 15)])
def test_other_kinds_of_film_are_counted_as_they_are(tmp_path, here, kind, count):
    path = write(tmp_path / "list.txt", "a man runs")
    flags = ("--size", "64x36", "--fps", "30", "--seconds", "0.5", "--workers", "1")
    code, _, stderr = here(path, tmp_path / "o", *flags, "--kind", kind)
    assert code == 0, stderr
    (line,) = manifest(tmp_path / "o")
    assert line["frames"] == frames(tmp_path / "o" / line["file"]) == count
    assert (tmp_path / "o" / "sheet-1.png").is_file()


@pytest.mark.slow
def test_kills_at_random_moments_leave_whole_films_only(tmp_path):
    out, rng = tmp_path / "films", random.Random(5)
    sentences = [f"a man runs {n} metres and then waves" for n in range(5, 35)]
    path = write(tmp_path / "list.txt", *sentences)
    flags = ("--size", "160x90", "--seconds", "2")
    whole: dict[str, bytes] = {}
    for kill in range(15):
        run = subprocess.Popen(
            command(path, out, *flags),
            env=environment(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if kill % 3:  # else while it starts
            wanted, until = len(whole) + kill % 3, time.monotonic() + 30
            while len(list(out.glob("*.mp4"))) < wanted and time.monotonic() < until:
                time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.8))
        if rng.random() < 0.5:
            os.killpg(run.pid, signal.SIGKILL)  # with its workers
        else:
            run.kill()
        run.wait()
        time.sleep(0.3)  # for the orphans
        for film_path in out.glob("*.mp4"):
            assert frames(film_path) == 60, film_path.name
        for line in manifest(out):
            data = (out / line["file"]).read_bytes()
            assert whole.setdefault(line["file"], data) == data
    assert 0 < len(whole) < len(sentences)
    done = batch(path, out, *flags)
    assert done.returncode == 0, done.stderr
    assert f"{len(whole)} already there" in done.stderr
    lines = manifest(out)
    assert [line["prompt"] for line in lines] == sentences
    assert not list(out.glob(".*"))
    for name, data in whole.items():
        assert (out / name).read_bytes() == data


@pytest.mark.slow
def test_two_batches_do_not_share_a_folder(tmp_path):
    path = write(tmp_path / "list.txt", *[f"a man runs {n} metres" for n in range(5, 15)])
    first = subprocess.Popen(command(path, tmp_path / "o", *TINY), env=environment(), stderr=-3)
    while not (tmp_path / "o" / "manifest.jsonl").exists():
        time.sleep(0.02)
    second = batch(path, tmp_path / "o", *TINY)
    assert second.returncode == 2
    assert "another batch is being filmed here" in second.stderr
    assert second.stderr.count("\n") == 1
    assert first.wait() == 0


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_spares_what_is_finished(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small file system")
    try:
        path = write(tmp_path / "list.txt", *[f"a man runs {n} metres" for n in range(5, 15)])
        flags = ("--size", "320x180", "--seconds", "3", "--workers", "2")
        done = batch(path, small / "o", *flags)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "No space left on device" in done.stderr
        films = list((small / "o").glob("*.mp4"))
        assert 0 < len(films) < 10
        assert all(frames(film_path) == 90 for film_path in films)
        assert {line["file"] for line in manifest(small / "o")} <= {p.name for p in films}
        before = {p.name: p.read_bytes() for p in films}
        subprocess.run(["mount", "-o", "remount,size=50m", str(small)], check=True)
        done = batch(path, small / "o", *flags)
        assert done.returncode == 0, done.stderr
        assert len(list((small / "o").glob("*.mp4"))) == 10
        assert all((small / "o" / name).read_bytes() == data for name, data in before.items())
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


@pytest.mark.slow
def test_a_ray_cluster_films_the_same(tmp_path):
    pytest.importorskip("ray")
    from tests.cluster import two_nodes

    path = write(tmp_path / "list.txt", "a man runs", "two women walk", "a boy jumps")
    with two_nodes() as (cluster, _):
        done = batch(path, tmp_path / "ray", *TINY, "--engine", "ray", "--address", cluster.address)
    assert done.returncode == 0, done.stderr
    look = Look(10, (64, 36), ".mp4")
    shots, _ = read_shots(path, None, 0.5, None)
    here = do_all(film, [ShotJob(shot, look, None) for shot in shots], engine=Engine.LOCAL)
    sums = {answer.index: answer.value.sha256 for answer in here}
    assert [line["sha256"] for line in manifest(tmp_path / "ray")] == [sums[i] for i in range(3)]
    for line in manifest(tmp_path / "ray"):
        assert frames(tmp_path / "ray" / line["file"]) == 5
