"""Figures with a text alternative, for readers who cannot see them."""

import base64
import io
from html import escape

from ..plots import alt_text


def show(figure, alt=None):
    """Display a matplotlib figure in a notebook as an image whose alternative text is `alt`, or
    what the pictures of `glmmlib.plots` in it say of themselves.

    The figure is closed, so that the notebook does not draw it a second time.
    """
    import matplotlib.pyplot as plt
    from IPython.display import HTML, display

    alt = alt_text(figure) if alt is None else alt
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    plt.close(figure)
    display(HTML(image_tag(png.getvalue(), alt)))


def image_tag(png, alt):
    """The HTML of a picture: `png` (bytes) within the page itself, described by `alt`."""
    data = base64.b64encode(png).decode()
    # decoding=sync: a picture that takes the place of another must not blink
    return (f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}" decoding="sync" '
            'style="max-width: 100%">')
