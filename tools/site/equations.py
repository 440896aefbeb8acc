"""Equations as MathML, which browsers draw by themselves: no script, no font, no request.

KaTeX translates them while the site is built. It comes with sphinxcontrib-katex, whose own way
needs Node.js, or a script, a style sheet and twenty fonts on every page.
"""

import functools
import re
from importlib.resources import files

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.errors import SphinxError

ANNOTATION = re.compile(r"<annotation.*?</annotation>", re.DOTALL)


@functools.cache
def katex():
    """A JavaScript engine that has loaded KaTeX."""
    engine = MiniRacer()
    engine.eval((files("sphinxcontrib") / "katex.min.js").read_text(encoding="utf-8"))
    return engine


def mathml(latex, display=False):
    """An equation in MathML.

    Raises:
        SphinxError: KaTeX does not understand it.
    """
    try:
        options = {"displayMode": display, "output": "mathml", "strict": "error"}
        drawn = katex().call("katex.renderToString", latex, options)
    except JSEvalException as error:
        told = str(error).partition("ParseError: ")[2].partition("\n")[0]  # not its own code, too
        raise SphinxError(f"{told or error} (the equation is {latex!r})") from error
    # Without its LaTeX, which a search would find beside it; with a space in "ln 2".
    return ANNOTATION.sub("", drawn).replace("<mo>\u2061</mo>", '<mspace width="0.17em"/>')


def visit(translator, node):
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def visit_block(translator, node):
    translator.body.append(f'<div class="equation">{mathml(node.astext(), True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
