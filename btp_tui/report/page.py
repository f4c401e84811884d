"""A report as one HTML page: no network, no script, light or dark, on a screen or on paper."""

from __future__ import annotations

import time

from btp_tui import words
from btp_tui.report import sections
from btp_tui.report.markup import Markup, element, joined
from btp_tui.report.material import Material
from btp_tui.report.programs import lessons
from btp_tui.report.svg import COLOURS, style_sheet

#: Nothing is loaded and nothing runs, whatever a program managed to look like.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --ground: LIGHT-ground; --text: LIGHT-text;
  --dimmed: LIGHT-dimmed; --line: LIGHT-line; --surface: LIGHT-surface;
  --passed: LIGHT-passed; --failed: LIGHT-failed;
  --errored: LIGHT-errored; --timeout: LIGHT-timeout; --denied: LIGHT-denied;
  --unknown: LIGHT-unknown; }
@media screen and (prefers-color-scheme: dark) { :root { --ground: DARK-ground; --text: DARK-text;
  --dimmed: DARK-dimmed; --line: DARK-line; --surface: DARK-surface; --passed: DARK-passed;
  --failed: DARK-failed; --errored: DARK-errored; --timeout: DARK-timeout; --denied: DARK-denied;
  --unknown: DARK-unknown; } }
body { background: var(--ground); color: var(--text); margin: 0 auto; padding: 1.5rem;
  max-width: 64rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 2.5rem 0 .5rem; font-size: 1.25rem; }
h3 { margin: 2rem 0 0; font-size: 1.1rem; } h4 { margin: 0; font-size: 1rem; }
.result { font-size: 1.15rem; margin: .5rem 0 1rem; }
.rule, .task, figcaption, footer { color: var(--dimmed); }
.task { white-space: pre-wrap; margin: .25rem 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
figure { margin: 0; min-width: 0; } svg { width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .2rem .9rem .2rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--dimmed); font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.facts th, .facts td, .test th, .test td { border: 0; padding-bottom: 0; }
pre, code { font: .85rem/1.45 ui-monospace, monospace; }
pre { background: var(--surface); padding: .75rem; overflow-x: auto; margin: .5rem 0; }
td code { white-space: pre-wrap; overflow-wrap: anywhere; }
article { margin: 1.25rem 0; padding-left: 1rem; border-left: 3px solid var(--line); }
article p { margin: .25rem 0; }
.difference { width: 100%; table-layout: fixed; background: var(--surface); }
.difference td { border: 0; padding: 0 .25rem; } .difference .sign { width: 1rem; }
.gone { color: var(--failed); } .new { color: var(--passed); }
summary { cursor: pointer; margin: .75rem 0; }
.t-passed { color: var(--passed); } .t-failed { color: var(--failed); }
.t-errored { color: var(--errored); } .t-timeout { color: var(--timeout); }
.t-denied { color: var(--denied); } .t-unknown { color: var(--unknown); }
@media print { body { padding: 0; max-width: none; font-size: 10pt; }
  figure, article, tr { break-inside: avoid; } h2, h3, h4 { break-after: avoid; }
  pre { white-space: pre-wrap; } .figures { grid-template-columns: 1fr 1fr; } }
"""


def write_page(material: Material) -> str:
    """The whole file."""
    name = material.run.name
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{name}: a run of btp-tui"),
        element("style", Markup(_coloured(_STYLE) + style_sheet())),
    )
    body = element(
        "body",
        element("h1", name),
        element("p", sections.headline(material), class_="result"),
        sections.facts(material),
        *_part("Curves", element("div", *sections.figures(material), class_="figures")),
        *_part("Programs", *lessons(material.lessons, "self")),
        *_part("Iterations", sections.iterations(material)),
        *_part("Outcomes", sections.outcomes(material)),
        *_part("Configuration", *sections.configuration(material)),
        *_part("Machine and isolation", sections.machine(material)),
        *sections.troubles(material),
        element("footer", element("p", f"Written by btp-tui on {words.day(time.time())}.")),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _part(title: str, *content: str) -> list[Markup]:
    return [element("h2", title), joined(*content)] if any(content) else []


def _coloured(style: str) -> str:
    for name, (light, dark) in COLOURS.items():
        style = style.replace(f"LIGHT-{name};", f"{light};").replace(f"DARK-{name};", f"{dark};")
    return style
