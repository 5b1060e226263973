"""The doors of a shared server, tried by raw messages: what a page does not offer is not to be had either."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import InvalidStatus

from spafit.access import NO_PATHS
from spafit.asgi import FIRST_FETCH
from spafit.runs import Actor, Run, State, audit, owners, uploads
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec
from tests.server.conftest import KEY, Shared
from tests.server.raw import Session, Visitor
from tests.server.starting import ROOT

SPEC = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6, 2, 4), QUICK)


def started_by(shared: Shared, visitor: Visitor) -> Run:
    """Return a run that the visitor queued on the Train page."""
    before = {run.id for run in shared.store.list(limit=None)}
    page = visitor.open("train")
    page.press("Start training")
    (run,) = [run for run in shared.store.list(limit=None) if run.id not in before]
    return run


def over(shared: Shared, run: Run) -> Run:
    """Return the run, stopped."""
    shared.store.request_stop(run.id)
    return shared.store.get(run.id)


def labels(page: Session) -> set[str]:
    return {getattr(widget, "label", "") for _kind, widget in page.widgets}


def test_every_answer_forbids_framing_and_sniffing_and_one_brings_a_hidden_cookie(shared: Shared) -> None:
    for path in ("/", "/explore?s=x", "/_stcore/health", FIRST_FETCH):
        with urllib.request.urlopen(shared.url + path, timeout=30) as answer:
            assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
            assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            cookies = [value for value in answer.headers.get_all("Set-Cookie", []) if "spafit_owner" in value]
            assert len(cookies) == (path == FIRST_FETCH)
            for cookie in cookies:
                assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
    known = Visitor.arriving(shared.url)
    assert "spafit_owner" not in known.get(FIRST_FETCH), "Whoever has a cookie keeps it."


def test_a_run_belongs_to_the_browser_that_started_it(shared: Shared) -> None:
    ada, bob = Visitor.arriving(shared.url), Visitor.arriving(shared.url)
    run = started_by(shared, ada)
    assert run.owner_id
    assert "Stop it" in labels(ada.open("runs", f"run={run.id}"))
    assert "Stop it" not in labels(bob.open("runs", f"run={run.id}"))
    ada.open("runs", f"run={run.id}").press("Stop it")
    assert shared.store.get(run.id).state is State.STOPPED
    assert [(done.action, done.administrator) for done in audit.history(shared.store.engine, run.id)] == [
        ("queued", False),
        ("stopped", False),
    ]
    others = labels(bob.open("runs", f"run={run.id}"))
    assert not others & {"Run again", "Archive", "Rename it", "Delete it"}
    assert {"Train with it again", "Explore this setting"} <= others, "Others look and copy."


def test_a_button_of_a_session_that_was_taken_over_does_nothing(shared: Shared) -> None:
    """The widget is in the session; the right is asked of whoever presses it now."""
    ada, bob = Visitor.arriving(shared.url), Visitor.arriving(shared.url)
    run = over(shared, started_by(shared, ada))
    for label in ("Delete it", "Archive", "Rename it", "Run again"):
        tab = ada.open("runs", f"run={run.id}")
        button = tab.find(label)
        tab.socket.close()
        stolen = Visitor(shared.url, bob.cookie).open("runs", f"run={run.id}", session=tab.id)
        assert stolen.id == tab.id, "The session was not taken over, so the test shows nothing."
        stolen.widgets.append(("button", button))
        stolen.press(label)
    goes = started_by(shared, ada)
    tab = ada.open("runs", f"run={goes.id}")
    button = tab.find("Stop it")
    tab.socket.close()
    stolen = Visitor(shared.url, bob.cookie).open("runs", f"run={goes.id}", session=tab.id)
    stolen.widgets.append(("button", button))
    stolen.press("Stop it")
    assert "belongs to somebody else" in stolen.said
    assert shared.store.get(goes.id).state is State.QUEUED
    over(shared, goes)
    unchanged = shared.store.get(run.id)
    assert (unchanged.state, unchanged.archived, unchanged.name) == (State.STOPPED, False, run.name)
    owners = {done.administrator for done in audit.history(shared.store.engine, run.id)}
    assert len(audit.history(shared.store.engine, run.id)) == 2, owners


def test_somebody_without_a_cookie_looks_and_starts_nothing(shared: Shared) -> None:
    before = len(shared.store.list(archived=None, limit=None))
    for cookie in ("", "x", "../../etc/passwd", "a" * 44):
        page = Visitor(shared.url, cookie).open("train")
        page.press("Start training")
        assert "allow cookies" in page.said
    assert len(shared.store.list(archived=None, limit=None)) == before


def test_sixty_names_are_one_turn(shared: Shared) -> None:
    ada = Visitor.arriving(shared.url)
    page = ada.open("train")
    ids = set()
    for name in ("one", "two", "three"):
        page.fill("Your name", name)
        before = {run.id for run in shared.store.list(limit=None)}
        page.press("Start training")
        (new,) = [run for run in shared.store.list(limit=None) if run.id not in before]
        assert new.owner == name
        ids.add(new.owner_id)
        page = ada.open("train")
    assert len(ids) == 1
    for run in shared.store.list(state=State.QUEUED, limit=None):
        shared.store.request_stop(run.id)


def test_a_path_typed_by_a_program_is_one_sentence_on_train(shared: Shared) -> None:
    for path in ("/etc", "/no/such/folder"):
        page = Visitor.arriving(shared.url).open("train")
        page.fill("Pretrained model", path)
        assert "shared server" in page.said


@pytest.mark.parametrize("path", ["/etc", "~root", ".", "..", str(ROOT), "/no/such/folder", "\\\\host\\x", "spafit"])
def test_a_path_is_no_model_and_no_task_whether_it_exists_or_not(shared: Shared, path: str) -> None:
    ada = Visitor.arriving(shared.url)
    before = len(shared.store.list(archived=None, limit=None))
    page = ada.open("train")
    for field in ("Pretrained model", "Task"):
        page.fill(field, path)
        if not page.find("Start training").disabled:  # the choice before stays
            page.press("Start training")
        page = ada.open("train")
    page = ada.open("explore")
    page.fill("Hub id", path)
    page.press("Open")
    assert "shared server" in page.said
    made = shared.store.list(archived=None, limit=None)[: -before or None]
    assert all(run.model == "minilm-l6" and run.task == "rotten-tomatoes" for run in made)
    for run in made:
        shared.store.request_stop(run.id)


def test_a_folder_of_the_server_that_looks_like_a_hub_id_is_refused_where_a_run_is_submitted(shared: Shared) -> None:
    with pytest.raises(ValueError, match="shared server"):
        shared.store.submit(RunSpec("/etc", "rotten-tomatoes", SPEC.stratification), by=Actor("somebody"))
    with pytest.raises(ValueError, match="shared server"):
        shared.store.submit(RunSpec("minilm-l6", "~/texts.csv", SPEC.stratification), by=Actor("somebody"))


def test_paths_of_the_server_are_never_shown(shared: Shared, tmp_path: Path) -> None:
    """A run of the person at the machine may use a folder; where it is stays there."""
    ada = Visitor.arriving(shared.url)
    run_id = shared.store.submit(RunSpec(str(tmp_path), "rotten-tomatoes", SPEC.stratification))
    shared.store.request_stop(run_id)
    folder = shared.store.folder(run_id)
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text(f'File "{ROOT}/spafit/x.py", line 3\ncannot read {tmp_path}/model.safetensors\n')
    pages = [(page.stem, "") for page in sorted((ROOT / "pages").glob("*.py"))]
    for page, query in (("", ""), *pages, *((page, f"run={run_id}") for page, _query in pages)):
        said = ada.open(page, query).said
        for place in (str(tmp_path), str(shared.home), str(ROOT), str(Path.home())):
            assert place not in said, f"/{page}?{query} shows {place}."
    shared.store.delete(run_id)


def test_the_administrators_key_opens_and_a_wrong_one_does_not(shared: Shared) -> None:
    ada, root = Visitor.arriving(shared.url), Visitor.arriving(shared.url)
    run = over(shared, started_by(shared, ada))
    about = root.open("about")
    about.fill("Administrator's key", "not the key at all")
    assert "not the administrator's key" in about.said.replace("\\", "")
    assert "Delete it" not in labels(root.open("runs", f"run={run.id}"))
    about.fill("Administrator's key", KEY)
    tab = root.open("runs", f"run={run.id}")
    assert "Delete it" in labels(tab), "It holds in another tab of the same browser."
    assert "Delete it" not in labels(Visitor.arriving(shared.url).open("runs", f"run={run.id}"))
    root.open("about").press("Act as a visitor again")
    tab.press("Delete it")
    assert shared.store.get(run.id), "Whoever gave up the key deletes nothing with an old button."
    root.open("about").fill("Administrator's key", KEY)
    root.open("runs", f"run={run.id}").press("Delete it")
    assert run.id not in {found.id for found in shared.store.list(archived=None, limit=None)}
    last = audit.history(shared.store.engine, run.id)[-1]
    assert (last.action, last.administrator) == ("deleted", True)


def test_no_secret_is_written_down(shared: Shared) -> None:
    ada = Visitor.arriving(shared.url)
    run = started_by(shared, ada)
    ada.open("about").fill("Administrator's key", KEY)
    with sqlite3.connect(shared.home / "spafit.db") as raw:
        everything = "\n".join(raw.iterdump())
    assert hashlib.sha256(ada.cookie.encode()).hexdigest() in everything
    written = [everything, shared.log.read_text(), ada.open("runs", f"run={run.id}").said, ada.open("about").said]
    written += [path.read_bytes().decode("latin-1") for path in shared.home.rglob("*") if path.is_file()]
    for text in written:
        assert ada.cookie not in text
        assert KEY not in text
    assert NO_PATHS not in shared.log.read_text()
    shared.store.request_stop(run.id)


def put(shared: Shared, session: str, file: str, size: int, token: str) -> int:
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.csv"\r\n\r\n' + b"a" * size + b"\r\n--x--\r\n"
    request = urllib.request.Request(
        f"{shared.url}/_stcore/upload_file/{session}/{file}",
        data=body,
        method="PUT",
        headers={
            "Content-Type": "multipart/form-data; boundary=x",
            "X-Xsrftoken": token,
            "Cookie": f"_streamlit_xsrf={token}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:  # the server has refused before the whole of it was sent
        return 503


def test_uploads_that_no_widget_used_do_not_fill_the_memory(shared: Shared) -> None:
    """The server of these tests may hold 5 MB of uploads; a session keeps its latest four."""
    token = Visitor(shared.url).get("/_stcore/health")["_streamlit_xsrf"]
    one, two = Visitor.arriving(shared.url).open("data"), Visitor.arriving(shared.url).open("data")
    assert [put(shared, one.id, f"f{n}", 1_000_000, token) for n in range(9)] == [204] * 9
    assert put(shared, two.id, "g", 2_000_000, token) == 503
    one.socket.close()
    assert put(shared, two.id, "g", 500_000, token) == 204


def test_an_upload_is_deleted_by_whoever_stored_it(shared: Shared) -> None:
    ada, bob = Visitor.arriving(shared.url), Visitor.arriving(shared.url)
    me = owners.actor_of(shared.store, ada.cookie, "Ada", enrol=True)
    key = "data-0000000000000000"
    columns = {"text": "words", "label": "mood", "pair": None, "split": None, "kind": "classification"}
    about = {"schema": 1, "key": key, "name": "x.csv", "created": 0.0, "columns": columns, "labels": ["a", "b"]}
    folder = shared.home / "datasets" / key
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps(about | {"example": "e", "scaled_from": None}))
    uploads.claim(shared.store, key, me)
    assert "Delete it for everybody" not in labels(own_data(bob))
    tab = own_data(ada)
    button = tab.find("Delete it for everybody")
    tab.socket.close()
    stolen = Visitor(shared.url, bob.cookie).open("data", session=tab.id)
    stolen.widgets.append(("button", button))
    stolen.press("Delete it for everybody")
    assert folder.exists()
    own_data(ada).press("Delete it for everybody")
    assert not folder.exists()
    assert [done.action for done in audit.history(shared.store.engine, key)] == ["uploaded", "deleted"]


def own_data(visitor: Visitor) -> Session:
    """Return the Data page with its third tab open."""
    tab = visitor.open("data")
    tabs = next(block for block in tab.blocks if block.HasField("tab_container"))
    tab.run(WidgetState(id=tabs.tab_container.id, string_value="Your own data"))
    return tab


def test_the_person_at_the_machine_is_administrator_and_asked_nothing(local: Shared) -> None:
    run_id = local.store.submit(SPEC, by=Actor("somebody", "Bo"))
    me = Visitor.arriving(local.url)
    assert me.open("about").find("Administrator's key") is None
    me.open("runs", f"run={run_id}").press("Stop it")
    assert local.store.get(run_id).state is State.STOPPED
    with pytest.raises(InvalidStatus):  # a page elsewhere whose name was pointed at this machine
        Visitor(local.url, headers={"Host": "evil.example"}).open("about")
    through_a_proxy = Visitor.arriving(local.url, **{"X-Forwarded-For": "203.0.113.9"})
    assert "Delete it" not in labels(through_a_proxy.open("runs", f"run={run_id}"))
    assert "Delete it" not in labels(me.open("runs", f"run={run_id}")), "And nobody is, from then on."
    assert "make run SHARED=1" in local.log.read_text()
