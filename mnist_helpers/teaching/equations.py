"""Equations for slides and printed pages: MathML, which browsers draw by themselves."""

import re

from latex2mathml.converter import convert

SPACE = '<mspace width="0.17em"/>'
BEHIND = re.compile(r"(<mi>(?:ln|log)</mi>)(?!<mo)")
BEFORE = re.compile(r"(</m[in]>|&#x00029;</mo>)(<mi>(?:ln|log)</mi>)")
PRIME = re.compile(r"<msup><mi>(\w)</mi><mi>&#x02032;</mi></msup>")


def mathml(latex, display="inline"):
    """An equation in MathML, with the spaces of "2 ln 2", which latex2mathml leaves out.

    A prime stands as a letter of its own: raised once more, it can hardly be seen.

    Args:
        latex: such as r"\\ln 2".
        display: "inline", or "block" for one on lines of its own.
    """
    drawn = BEHIND.sub(rf"\1{SPACE}", convert(latex, display=display))
    return PRIME.sub(r"<mi>\1</mi><mo>&#x2032;</mo>", BEFORE.sub(rf"\1{SPACE}\2", drawn))
