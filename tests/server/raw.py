"""A visitor without a browser: cookies from the first page, then Streamlit's own messages over a websocket.

It sends what a hostile program could send: any widget's state, also of widgets that it was never shown.
"""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Block_pb2 import Block
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

from spafit.asgi import FIRST_FETCH

ANSWER_SECONDS = 60.0


@dataclass
class Visitor:
    """A browser as the server sees it: an address and its cookies."""

    url: str
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def arriving(cls, url: str, **headers: str) -> Visitor:
        """Somebody who opens the first page and keeps the cookie that comes with what it fetches."""
        visitor = cls(url, headers=headers)
        visitor.get()
        visitor.cookie = visitor.get(FIRST_FETCH).get("spafit_owner", "")
        return visitor

    def get(self, path: str = "/") -> dict[str, str]:
        """Fetch a page; return the cookies that it sets."""
        cookie = {"Cookie": f"spafit_owner={self.cookie}"} if self.cookie else {}
        request = urllib.request.Request(self.url + path, headers=cookie | self.headers)
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            jar = SimpleCookie()
            for value in answer.headers.get_all("Set-Cookie", []):
                jar.load(value)
        return {name: morsel.value for name, morsel in jar.items()}

    def open(self, page: str = "", query: str = "", session: str = "") -> Session:
        """Open a page; ``session`` takes over the session of that id, as after a lost connection."""
        protocols = ["streamlit", "x", session] if session else ["streamlit"]
        headers = ({"Cookie": f"spafit_owner={self.cookie}"} if self.cookie else {}) | self.headers
        socket = connect(
            f"{self.url.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=protocols,  # ty: ignore[invalid-argument-type]
            additional_headers=headers,
            max_size=None,
        )
        opened = Session(socket, page, query)
        opened.run()
        return opened


@dataclass
class Session:
    """One tab: the widgets that the latest run of the page's script sent, and everything that it said."""

    socket: ClientConnection
    page: str
    query: str
    id: str = ""
    states: dict[str, WidgetState] = field(default_factory=dict)
    widgets: list[tuple[str, Message]] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def run(self, *states: WidgetState) -> None:
        """Send these widgets' states and read the answer to its end."""
        self.ask(*states)
        self.read()

    def ask(self, *states: WidgetState, clock: str = "") -> None:
        """Send these widgets' states, and no more; ``clock``: a fragment's id, as a page asks for it by itself."""
        message = BackMsg()
        request = message.rerun_script
        request.page_name, request.query_string = self.page, self.query
        request.fragment_id, request.is_auto_rerun = clock, bool(clock)
        triggers = [state for state in states if state.WhichOneof("value") == "trigger_value"]
        self.states |= {state.id: state for state in states if state not in triggers}
        request.widget_states.widgets.extend([*self.states.values(), *triggers])
        self.socket.send(message.SerializeToString())

    def read(self) -> None:
        """Read what the server says until a run has come to its end."""
        self.widgets, self.deltas, self.blocks = [], [], []
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(self.socket.recv(ANSWER_SECONDS))
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                self.id = answer.new_session.initialize.session_id or self.id
                self.widgets, self.deltas, self.blocks = [], [], []
            elif kind == "delta":
                self.deltas.append(answer.delta)
                if answer.delta.HasField("add_block"):
                    self.blocks.append(answer.delta.add_block)
                element = answer.delta.new_element
                name = element.WhichOneof("type")
                if name and hasattr(getattr(element, name), "id"):
                    self.widgets.append((name, getattr(element, name)))
            elif kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return

    @property
    def said(self) -> str:
        """Everything that was sent for the page, as text."""
        return "\n".join(str(delta) for delta in self.deltas)

    def find(self, label: str) -> Any:
        """Return the widget with that label; None when the page has none."""
        return next((widget for _kind, widget in self.widgets if getattr(widget, "label", None) == label), None)

    def press(self, label: str) -> None:
        """Press a button."""
        self.run(self.pressed(label))

    def pressed(self, label: str) -> WidgetState:
        """Return the state of a button that is pressed."""
        button = self.find(label)
        assert button is not None, f"No button {label!r} among {[getattr(w, 'label', '') for _, w in self.widgets]}"
        return WidgetState(id=button.id, trigger_value=True)

    def fill(self, label: str, text: str) -> None:
        """Put a text into a text field or, listed or not, into a selectbox."""
        widget = self.find(label)
        assert widget is not None, f"No field {label!r}"
        self.run(WidgetState(id=widget.id, string_value=text))
