"""Model files from anywhere: used, or refused in one line that says what is wrong with them."""

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="damaged models are made with the train extra")

from onnx import helper, numpy_helper  # noqa: E402

from entities.errors import UserError  # noqa: E402
from ml.motion.onnx_file import MOST_FIELDS, read_properties  # noqa: E402
from ml.motion.runtime import MAX_MODEL_BYTES, MotionModel, choose_motion  # noqa: E402
from ml.motion.trial import FARTHEST_M, LIMIT_S  # noqa: E402
from ml.text import shipped as shipped_files  # noqa: E402
from sim.robustness.damaged_models import CHUNK, DAMAGES, attempt, damage, still_model  # noqa: E402
from tests.conftest import SHIPPED  # noqa: E402

ROOT = Path(__file__).parents[3]
CASES = ROOT.parent / "shared" / "cases" / "trust"


def refused(path: Path) -> str:
    """Why a file is refused: one line that names it."""
    with pytest.raises(ValueError, match=r".") as error:
        MotionModel(path)
    line = str(error.value)
    assert line.startswith(f"{path}: ")
    assert line.count("\n") == 0
    assert len(line) < 400 + len(str(path))
    return line


def written(model: "onnx.ModelProto", path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def then(model: "onnx.ModelProto", *nodes: "onnx.NodeProto", **stored: np.ndarray) -> None:
    """Make the chunk by ``nodes`` of ``plain``, the one there was."""
    for node in model.graph.node:
        node.output[:] = ["plain" if name == "chunk" else name for name in node.output]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()
    )


def test_a_whole_model_of_somebody_else_is_used(tmp_path) -> None:
    model = MotionModel(written(still_model(), tmp_path / "still.onnx"))
    assert (model.history, model.chunk, model.text) == (20, CHUNK, 384)
    assert model.actions == frozenset()


def test_the_shipped_model_needs_no_trial(monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")  # no child could start
    started = time.process_time()
    MotionModel(SHIPPED)
    assert time.process_time() - started < 2.0
    content = SHIPPED.read_bytes()
    started = time.process_time()
    read_properties(content)
    assert time.process_time() - started < 0.1


def test_checksums_are_those_of_the_files(tmp_path) -> None:
    """``ml.text.shipped.write_checksums`` takes up a file that was made anew."""
    for path in shipped_files.MODELS.iterdir():
        if path.suffix in (".onnx", ".npz", ".json"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / shipped_files.CHECKSUMS.name).unlink()
    shipped_files.write_checksums(tmp_path)
    found = json.loads((tmp_path / shipped_files.CHECKSUMS.name).read_text())
    assert found == json.loads(shipped_files.CHECKSUMS.read_text())
    assert set(found) >= {"motion.onnx", "minilm.onnx", "minilm_tokenizer.json"}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("format_version", None, "format_version is not given; expected 1"),
        ("joints", "x" * 9999, "joints is x"),
        ("encoder", None, "encoder is not given; expected minilm"),
        ("encoder", "gemini", "encoder is gemini; expected minilm"),
        ("actions", None, "actions are not given"),
        ("actions", "walk,sing a song", "actions are walk,sing a song; expected names"),
        ("config", None, "config is not given; expected history, chunk, text"),
        ("config", "[]", "config is no object"),
        ("config", "{", "config: not JSON"),
        ("config", "[" * 9999, "levels"),
        ("config", '{"history": 20, "text": 384}', "chunk is not given; expected 36 to 600"),
        ("config", '{"history": 20, "chunk": 40.0, "text": 384}', "chunk is 40.0; expected"),
        ("config", '{"history": true, "chunk": 40, "text": 384}', "history is True; expected"),
        ("config", '{"history": 20, "chunk": 9999999, "text": 384}', "chunk is 9999999; expected"),
        ("config", '{"history": 20, "chunk": 40, "text": 8}', "text is 8; expected 384"),
        ("config", '{"history": NaN, "chunk": 40, "text": 384}', "NaN is no JSON"),
    ],
)
def test_metadata_is_complete_and_means_something(tmp_path, field, value, told) -> None:
    model = still_model()
    (prop,) = (one for one in model.metadata_props if one.key == field)
    model.metadata_props.remove(prop)
    if value is not None:
        model.metadata_props.add(key=field, value=value)
    assert told in refused(written(model, tmp_path / "m.onnx"))


def test_what_is_no_onnx_file_is_not_opened(tmp_path) -> None:
    for name, content, told in (
        ("empty", b"", "no graph"),
        ("text", b"people walk", "not a model file"),
        ("cut", SHIPPED.read_bytes()[:-1], "cut short"),
        ("numbers", b"\x08\x01" * (MOST_FIELDS + 1), f"more than {MOST_FIELDS} parts"),
        ("endless", b"\xff" * 99, "cut short"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert told in refused(path)
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(MAX_MODEL_BYTES + 1)
    assert "larger than 256 MiB" in refused(tmp_path / "huge")
    assert "directory" in refused(tmp_path)
    assert "No such file" in refused(tmp_path / "absent")


def test_weights_of_other_files_are_not_read(tmp_path) -> None:
    model = still_model()
    (hold,) = (one for one in model.graph.initializer if one.name == "hold")
    hold.ClearField("raw_data")
    hold.data_location = onnx.TensorProto.EXTERNAL
    hold.external_data.add(key="location", value="../../etc/passwd")
    assert "weights in another file" in refused(written(model, tmp_path / "m.onnx"))
    del hold.external_data[:]
    assert "weights in another file" in refused(written(model, tmp_path / "m.onnx"))
    constant = helper.make_node("Constant", [], ["unused"], value=hold)
    model = still_model()
    model.graph.node.append(constant)  # within a node's attribute
    assert "weights in another file" in refused(written(model, tmp_path / "m.onnx"))


def test_operators_are_those_of_onnxruntime(tmp_path) -> None:
    model = still_model()
    model.graph.node[0].domain = "my.company"
    assert "operators of 'my.company'" in refused(written(model, tmp_path / "m.onnx"))
    deep = helper.make_node("If", ["yes"], ["x"], then_branch=model.graph, else_branch=model.graph)
    model = still_model()
    model.graph.node.append(deep)
    assert "operators of 'my.company'" in refused(written(model, tmp_path / "m.onnx"))
    for _ in range(12):
        outer = still_model()
        inner = helper.make_node("If", ["yes"], ["x"], then_branch=model.graph)
        outer.graph.node.append(inner)
        model = outer
    assert "graphs within one another" in refused(written(model, tmp_path / "m.onnx"))


@pytest.mark.slow
def test_inputs_and_outputs_are_those_the_runtime_uses(tmp_path) -> None:
    def with_(change) -> str:
        model = still_model()
        change(model)
        return refused(written(model, tmp_path / "m.onnx"))

    def shape(value, at: int):
        return value.type.tensor_type.shape.dim[at]

    def rename(model) -> None:
        model.graph.input[1].name = "words"

    def fix_batch(model) -> None:
        shape(model.graph.input[4], 0).dim_value = 1

    def widen(model) -> None:
        shape(model.graph.input[1], 1).dim_value = 385

    def more(model) -> None:
        extra = helper.make_tensor_value_info("mood", onnx.TensorProto.FLOAT, ["batch", 3])
        model.graph.input.append(extra)

    def fewer(model) -> None:
        del model.graph.output[1]

    def halves(model) -> None:
        model.graph.input[2].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16

    assert "no input text; has history, words" in with_(rename)
    assert "input given has the shape [1, 1]; expected [any, 1]" in with_(fix_batch)
    assert "input text has the shape [batch, 385]; expected [any, 384]" in with_(widen)
    assert "input mood is unknown" in with_(more)
    assert "no output contact; has chunk" in with_(fewer)
    assert "input style is tensor(float16)" in with_(halves)


@pytest.mark.slow
def test_a_trial_finds_what_is_not_declared(tmp_path) -> None:
    def with_(*nodes, **stored) -> str:
        model = still_model()
        then(model, *nodes, **stored)
        model.graph.output[0].type.tensor_type.ClearField("shape")
        return refused(written(model, tmp_path / "m.onnx"))

    far = with_(helper.make_node("Mul", ["plain", "by"], ["chunk"]), by=np.float32(1e6))
    assert "makes a pose of" in far
    assert f"expected {FARTHEST_M:g} at most" in far
    none = with_(helper.make_node("Mul", ["plain", "by"], ["chunk"]), by=np.float32(np.nan))
    assert "makes a pose of numbers that are not finite" in none
    fast = np.zeros(22, np.float32)
    fast[20] = 2.0
    assert "a root's step of 2" in with_(
        helper.make_node("Add", ["plain", "by"], ["chunk"]), by=fast
    )
    dice = helper.make_node("RandomNormalLike", ["plain"], ["dice"], scale=0.01)
    again = with_(dice, helper.make_node("Add", ["plain", "dice"], ["chunk"]))
    assert "another chunk of the same inputs" in again
    squash = helper.make_node("Compress", ["plain", "by"], ["chunk"], axis=1)
    assert "chunk" in with_(squash, by=np.arange(CHUNK) < 7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slow", "huge"])
def test_what_would_take_the_machine_is_stopped_in_time(tmp_path, name) -> None:
    kinds = list(DAMAGES)
    for turn in range(4):
        path = tmp_path / f"{turn}.onnx"
        damage(kinds.index(name) + turn * len(kinds), path)
        started = time.monotonic()
        with suppress(ValueError):  # not all of them take long
            MotionModel(path)
        assert time.monotonic() - started < LIMIT_S + 3.0


class Failing(MotionModel):
    """A model that passes its trial and then answers otherwise."""

    class Session:
        def __init__(self, answer: object) -> None:
            self.answer = answer

        def run(self, names, feed):
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    def __init__(self, answer: object) -> None:
        super().__init__(SHIPPED)
        self._session = self.Session(answer)


def test_a_model_that_fails_in_mid_run_is_one_line() -> None:
    chunk, contact = np.zeros((1, 40, 22), np.float32), np.zeros((1, 40, 2), np.float32)
    inputs = [np.zeros(shape) for shape in ((1, 20, 22), (1, 384), (1, 384), (1, 40, 3), (1, 1))]
    inputs.append(np.zeros((1, 40, 22)))
    for answer, told in (
        (RuntimeError("[ONNXRuntimeError] : 6 : X : out of luck\nat line 3"), "out of luck"),
        ((chunk[:, :3], contact), "chunk comes as (1, 3, 22); expected (1, 40, 22)"),
        ((chunk + np.nan, contact), "numbers beyond 100 m"),
        ((chunk, contact + 1e9), "numbers beyond 100 m"),
    ):
        with pytest.raises(UserError) as error:
            Failing(answer).plan(*inputs)
        assert told in str(error.value)
        assert "\n" not in str(error.value)
    assert Failing((chunk, contact)).plan(*inputs)[0] is chunk


def test_a_damaged_text_encoder_is_met_before_the_run(monkeypatch, caplog, shipped, tmp_path):
    import ml.motion.runtime

    def damaged(_: str):
        raise UserError("minilm.onnx: not as it came with the package; install it again")

    monkeypatch.setattr(ml.motion.runtime, "open_text_vectors", damaged)
    assert choose_motion(None) is None
    assert "install it again; people move procedurally" in caplog.text
    with pytest.raises(UserError, match="install it again"):
        choose_motion("learned")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("huge-output", "makes a pose of"),
        ("no-history-in-config", "history is not given"),
        ("short-chunk", "output chunk has the shape"),
    ],
)
@pytest.mark.slow
def test_models_that_did_harm(name, told) -> None:
    path = CASES / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"no {path}")
    order = ["run_sim.py", "--prompt", "a man walks", "--headless", "--model", str(path)]
    started = time.monotonic()
    done = subprocess.run([sys.executable, *order], cwd=ROOT, capture_output=True, text=True)
    assert time.monotonic() - started < 10.0
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"{path.name}: " in done.stderr
    assert told in done.stderr


@pytest.mark.slow
def test_damaged_models_by_seed(tmp_path) -> None:
    for seed in range(len(DAMAGES)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert attempt(seed, folder).failures == []
