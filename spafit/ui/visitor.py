"""Who the visitor is: an owner, by the secret in a cookie that no script can read; and a name, which is only shown.

The name is kept in a cookie of its own, so that a reload knows it. That one is read once, when a session begins. It
holds a name that the visitor chose and nothing else; what is read is treated like anything else that somebody typed.
"""

from urllib.parse import unquote

import streamlit as st

from spafit import access
from spafit.asgi import COOKIE
from spafit.runs import Actor, Store, owners

MAX_CHARS = 40
_OWNER = "owner"
_KNOWN = "owner_in_cookie"
_TOO_LONG = "owner_too_long"
_COOKIE = "spafit_name"
_JS = """export default function ({ data }) {
  const age = data.name ? 365 * 24 * 3600 : 0;
  document.cookie = `${data.cookie}=${encodeURIComponent(data.name)}; path=/; SameSite=Strict; max-age=${age}`;
}
"""
_keep = st.components.v2.component("spafit_visitor", html="<span></span>\n", js=_JS)


def notice_address() -> None:
    """See to it that nobody is taken for the person at the machine where other machines reach this server."""
    if not access.is_loopback(st.get_option("server.address")):
        access.serve_others()


def actor(*, enrol: bool = False) -> Actor:
    """Who acts here, asked of the cookie each time; ``enrol`` before something is made that will belong to them.

    Raises:
        StoreError: the database cannot be asked.
    """
    if not access.shared():
        return Actor(name=owner(), administrator=True)
    return owners.actor_of(Store.open(), st.context.cookies.get(COOKIE, ""), owner(), enrol=enrol)


def mine() -> dict[str, str]:
    """Return what `Store.list` is asked for to get the visitor's own runs; empty when none can be theirs."""
    if not access.shared():
        return {"owner": owner()} if owner() else {}
    me = actor()
    return {"owner_id": me.id} if me.id else {}


def owner() -> str:
    """Return the visitor's name without spaces around it; empty when they typed none."""
    return st.session_state.get(_OWNER, "")[:MAX_CHARS].strip()


def owner_box() -> None:
    """Draw the box for the visitor's name; it goes with every run that they start."""
    if _KNOWN not in st.session_state:
        st.session_state[_KNOWN] = name_in(st.context.cookies.get(_COOKIE, ""))
        st.session_state.setdefault(_OWNER, st.session_state[_KNOWN])
    st.text_input(
        "Your name",
        key=_OWNER,
        placeholder="optional",
        on_change=_cut,
        help="Shown beside the runs you start, so that you find them again. This browser remembers it for a year; "
        "empty the box to be forgotten.",
        persist_state="session",
    )
    if st.session_state.pop(_TOO_LONG, False):
        st.caption(f"Cut to {MAX_CHARS} letters.")
    if owner() != st.session_state[_KNOWN]:
        st.session_state[_KNOWN] = None  # equal to no name: from now on this session decides what the cookie holds
        _keep(key="visitor", data={"cookie": _COOKIE, "name": owner()})


def _cut() -> None:
    """Keep the beginning of a long name and say so: a box with a bound of its own would drop it all."""
    if len(st.session_state[_OWNER]) > MAX_CHARS:
        st.session_state[_OWNER] = st.session_state[_OWNER][:MAX_CHARS].strip()
        st.session_state[_TOO_LONG] = True


def name_in(cookie: str) -> str:
    """Return the name in a cookie's value, cut to what the box takes; letters that cannot be printed are left out."""
    return "".join(letter for letter in unquote(cookie) if letter.isprintable())[:MAX_CHARS].strip()
