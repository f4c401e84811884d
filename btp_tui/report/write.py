"""`btp-tui report`: writes a page, or one plot as a picture, and says where."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from btp_tui.report.figures import plot
from btp_tui.report.material import read_material
from btp_tui.report.page import write_page
from btp_tui.report.svg import standing_alone
from core.errors import CoreError
from storage.workspace import Workspace


def write_report(folder: Path, run: str, out: Path | None) -> str:
    """Writes the page of a run; returns a sentence. Raises StorageError, CoreError."""
    page = write_page(read_material(Workspace(folder), run))
    return _written(out or Path(f"{run}.html"), page.encode(), "It opens in any browser.")


def write_plot(folder: Path, run: str, name: str, out: Path | None) -> str:
    """Writes one plot as SVG or PNG, as the file's name says; as `write_report`."""
    out = out or Path(f"{run}-{name}.svg")
    if out.suffix not in (".svg", ".png"):
        raise CoreError(f"{out} ends in neither .svg nor .png, the two kinds of picture there are.")
    drawing = standing_alone(plot(read_material(Workspace(folder), run, curves_only=True), name))
    content = drawing.encode() if out.suffix == ".svg" else _as_png(drawing)
    return _written(out, content, "")


def _as_png(drawing: str) -> bytes:
    """Rendered by whichever library for it is installed."""
    if find_spec("resvg_py"):
        return bytes(import_module("resvg_py").svg_to_bytes(svg_string=drawing, zoom=2))
    if find_spec("cairosvg"):
        return bytes(import_module("cairosvg").svg2png(bytestring=drawing.encode(), scale=2))
    raise CoreError(
        "No library that turns SVG into PNG is installed: write .svg, or pip install resvg_py."
    )


def _written(out: Path, content: bytes, more: str) -> str:
    """Written beside and moved into place: nobody finds half of it."""
    beside = out.with_name(f".{out.name}.part")
    try:
        beside.write_bytes(content)
        beside.replace(out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CoreError(f"Cannot write {out}: {os.strerror(error.errno or 0)}.") from error
    return f"Wrote {out}, {len(content) / 1000:,.0f} kB. {more}".rstrip()
