"""The app: every flow of `functions/`. What each does stands on its page or in its folder there."""
# ruff: noqa: E402  # the first lines make the imports below faster

import gc
import os

gc.disable()  # what is imported stays: looking for garbage in it would make every cold start longer by a tenth
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would read the metadata of every installed package

import functions
from shared.bootstrap import build_app

app = build_app(functions)

gc.enable()
