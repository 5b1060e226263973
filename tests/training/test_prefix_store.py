"""Stored hidden states: found by content, whole or absent, computed by one process at a time, kept below a cap."""

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.models.weights import weights_digest
from spafit.tasks.tokens import Encoded
from spafit.training.prefix.choice import PrefixFacts, choose_prefix
from spafit.training.prefix.store import StateStore, states_key


def encoded(ids: list[int], offsets: list[int]) -> Encoded:
    return Encoded(
        np.array(ids, np.int32), np.array(offsets, np.int64), None, np.zeros(len(offsets) - 1, np.int64), 0, 8, 0
    )


THREE = encoded([1, 2, 3, 4, 5, 6], [0, 3, 4, 6])


def test_the_key_changes_with_whatever_the_states_depend_on():
    keys = [
        states_key("w", THREE, 2, "cpu fp32"),
        states_key("v", THREE, 2, "cpu fp32"),
        states_key("w", THREE, 3, "cpu fp32"),
        states_key("w", THREE, 2, "cpu bf16"),
        states_key("w", encoded([1, 2, 3, 4, 5, 7], [0, 3, 4, 6]), 2, "cpu fp32"),
        states_key("w", encoded([1, 2, 3, 4, 5, 6], [0, 2, 4, 6]), 2, "cpu fp32"),
        states_key("w", replace(THREE, token_type_ids=np.zeros(6, np.int8)), 2, "cpu fp32"),
    ]
    assert len(set(keys)) == len(keys)
    relabelled = replace(THREE, labels=np.ones(3, np.int64))
    assert states_key("w", relabelled, 2, "cpu fp32") == keys[0]


def test_weights_are_known_by_content_and_remembered(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x" * 1000)
    second.write_bytes(b"x" * 1000)
    cache = tmp_path / "cache"
    digest = weights_digest([first], cache)
    assert weights_digest([second], cache) == digest
    first.write_bytes(b"y" * 1001)
    assert weights_digest([first], cache) != digest
    (cache / "weights.json").write_text("not json")
    assert weights_digest([second], cache) == digest


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_saved_comes_back_and_a_damaged_file_counts_as_absent(tmp_path, in_memory):
    store = StateStore(tmp_path)
    array = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    assert store.load("k", (6, 2), in_memory) is None
    store.save("k", array)
    assert store.has("k")
    assert np.array_equal(store.load("k", (6, 2), in_memory), array)
    assert store.load("k", (5, 2), in_memory) is None
    file = tmp_path / "k.npy"
    file.write_bytes(file.read_bytes()[:-4])
    assert store.load("k", (6, 2), in_memory) is None


def test_the_least_recently_used_go_first_and_the_new_one_stays(tmp_path):
    array = np.zeros((100, 10), np.float32)  # 4,000 bytes and a header
    store = StateStore(tmp_path, cap=9_000)
    for age, key in ((300, "old"), (200, "middle")):
        store.save(key, array)
        stamp = (tmp_path / f"{key}.npy").stat().st_mtime - age
        os.utime(tmp_path / f"{key}.npy", (stamp, stamp))
    store.load("old", array.shape, in_memory=True)  # used again just now
    store.save("new", array)
    assert [store.has(key) for key in ("old", "middle", "new")] == [True, False, True]
    assert not store.room_for(9_001) and store.room_for(8_000)


@pytest.mark.parametrize(
    ("named", "gigabytes"), [("", 4), ("1", 1), ("0.5", 0.5), ("0", 0), ("much", 4), ("-1", 4), ("inf", 4)]
)
def test_the_cap_is_a_setting(tmp_path, monkeypatch, named, gigabytes):
    monkeypatch.setenv("SPAFIT_CACHE_GB", named)
    store = StateStore(tmp_path)
    assert store.cap_bytes == gigabytes * 10**9
    assert store.room_for(10) == bool(gigabytes)


@pytest.mark.parametrize(("cap", "kept"), [(0, []), (600, ["new"]), (100_000, ["new", "old"])])
def test_a_lower_cap_removes_what_an_earlier_one_allowed(tmp_path, cap, kept):
    for key, age in (("old", 100), ("new", 0)):
        StateStore(tmp_path, 100_000).save(key, np.zeros((10, 10), np.float32))  # 528 bytes
        stamp = (tmp_path / f"{key}.npy").stat().st_mtime - age
        os.utime(tmp_path / f"{key}.npy", (stamp, stamp))
    store = StateStore(tmp_path, cap)
    assert store.room_for(10) == bool(cap)
    assert [key for key in ("new", "old") if store.has(key)] == kept


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    store = StateStore(blocked / "prefix")
    assert not store.room_for(10)
    store.save("k", np.zeros((1, 1), np.float32))
    assert not store.has("k")


def compute_once(folder: str, log: str) -> None:
    store = StateStore(Path(folder))
    with store.computing("shared", lambda: False) as mine:
        assert mine
        if store.load("shared", (50, 4), in_memory=True) is None:
            with Path(log).open("a") as file:
                file.write("computed\n")
            store.save("shared", np.full((50, 4), 7.0, np.float32))
    loaded = store.load("shared", (50, 4), in_memory=True)
    assert loaded is not None and (loaded == 7.0).all()


def test_of_several_processes_one_computes(tmp_path):
    store, log = tmp_path / "prefix", tmp_path / "log"
    store.mkdir()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=compute_once, args=(str(store), str(log))) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert log.read_text() == "computed\n"


def test_waiting_for_another_process_can_be_stopped(tmp_path):
    store = StateStore(tmp_path)
    with (
        store.computing("k", lambda: False) as mine,
        StateStore(tmp_path).computing("k", lambda: True) as other,
    ):
        assert mine and not other


FACTS = PrefixFacts(
    depth=4, size=100_000_000, compute_seconds=2.0, recompute_seconds=10.0, memory=10**9, disk=True, stored=False
)


def test_the_cache_is_used_when_it_saves_time_and_says_how_much():
    choice = choose_prefix("auto", False, FACTS)
    assert choice.use and choice.in_memory and choice.on_disk
    assert choice.automatic is not None
    assert choice.automatic.choice == "layers 1–4 computed once and kept in memory (100 MB)"
    assert choice.automatic.reason == "estimated to save 7.8 s"


@pytest.mark.parametrize(
    "setting, dropout, changes, used, words",
    [
        ("auto", False, {"depth": 0}, False, "no layer's output is constant"),
        ("auto", True, {}, False, "dropout in the frozen layers"),
        ("off", False, {}, False, "as asked"),
        ("auto", False, {"recompute_seconds": 2.1}, False, "short run"),
        ("on", False, {"recompute_seconds": 2.1}, True, "in memory"),
        ("auto", False, {"stored": True}, True, "earlier run"),
        ("auto", False, {"recompute_seconds": 2.1, "stored": True}, False, "short run"),
        ("auto", False, {"memory": 10**6}, True, "in a file on disk"),
        ("on", False, {"memory": 10**6, "disk": False}, False, "more than memory and disk"),
        ("auto", False, {"disk": False}, True, "in memory"),
        ("auto", False, {"depth": 1}, True, "layer 1 "),
    ],
)
def test_every_decision_has_its_sentence(setting, dropout, changes, used, words):
    choice = choose_prefix(setting, dropout, replace(FACTS, **changes))
    assert choice.use is used and choice.automatic is not None and words in choice.automatic.sentence


@given(
    st.sampled_from(["auto", "on", "off"]),
    st.booleans(),
    st.builds(
        PrefixFacts,
        depth=st.integers(0, 30),
        size=st.integers(0, 10**12),
        compute_seconds=st.floats(0, 1e4),
        recompute_seconds=st.floats(0, 1e6),
        memory=st.integers(0, 10**12),
        disk=st.booleans(),
        stored=st.booleans(),
    ),
)
def test_a_cache_that_is_used_fits_somewhere(setting, dropout, facts):
    choice = choose_prefix(setting, dropout, facts)
    if choice.use:
        assert facts.depth > 0 and not dropout and setting != "off"
        assert choice.in_memory or choice.on_disk
        assert not choice.in_memory or facts.size <= facts.memory
