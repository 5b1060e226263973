"""The dashboard as an ASGI application: Streamlit behind the middleware of `spafit.asgi`."""

import sys
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from spafit.asgi import Doorkeeper
from spafit.ui.upload_guard import UploadGuard

APP = Path(__file__).parents[2] / "app.py"


def serve(options: dict[str, Any]) -> None:
    """Serve until Ctrl-C, with these of Streamlit's options."""
    sys.argv = [str(APP)]  # Streamlit looks for its configuration and the pages beside the script that was started
    st.App(APP, middleware=[Middleware(Doorkeeper), Middleware(UploadGuard)]).run(config=options)
