"""`python -m edge` is `anyu-edge`."""

from edge.cli import app

app(prog_name="anyu-edge")
