"""What all widgets share: a picture that is redrawn fast, and controls beside a page's fallback."""

import io
from html import escape

import numpy as np

from ..figures import image_tag


class MovingPicture:
    """A matplotlib Figure of which only the artists made with `animated=True` are drawn anew.

    The Figure is one of `matplotlib.figure`, not of pyplot, which would show it a second time.
    Its moving artists belong to axes, and lie over all that does not move.
    """

    def __init__(self, figure):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.figure = figure
        self._canvas = FigureCanvasAgg(figure)
        self._draw_all()

    def png(self) -> bytes:
        """The picture as it stands now."""
        from PIL import Image

        # matplotlib keeps count of what has changed: a moving artist does not make the figure stale
        if self.figure.stale:
            self._draw_all()
        self._canvas.restore_region(self._still)
        for artist in self._moving:
            artist.axes.draw_artist(artist)
        file = io.BytesIO()
        # fast rather than small: the bytes go no further than to the reader's own browser
        Image.fromarray(np.asarray(self._canvas.buffer_rgba())).save(file, format="png", compress_level=1)
        return file.getvalue()

    def _draw_all(self):
        self._canvas.draw()
        self._still = self._canvas.copy_from_bbox(self.figure.bbox)
        self._moving = sorted(self.figure.findobj(lambda artist: artist.get_animated()),
                              key=lambda artist: artist.get_zorder())


class Explorer:
    """A picture and a sentence that follow controls; the last value of a notebook's cell shows it.

    Parameters
    ----------
    view : function of the controls' values, by name, that returns a MovingPicture and the sentence
        about it, which has no markup.
    controls : ipywidgets by name, in the order in which they are to stand.
    """

    def __init__(self, view, **controls):
        import ipywidgets

        self.controls = controls
        self._view = view
        self._picture = ipywidgets.HTML()
        self._words = ipywidgets.HTML()
        self._words.add_class("glmmlib-words")
        self.widget = ipywidgets.VBox([*controls.values(), self._picture, self._words])
        for control in controls.values():
            control.observe(self._follow, names="value")
        self._follow()
        self._fallback = self._picture.value + self._words.value

    def _follow(self, change=None):
        picture, words = self._view(**{name: control.value for name, control in self.controls.items()})
        self._picture.value = image_tag(picture.png(), words)
        self._words.value = f'<p aria-live="polite">{escape(words)}</p>'

    def _repr_mimebundle_(self, **kwargs):
        bundle = self.widget._repr_mimebundle_()
        return {**bundle, "text/html": self._fallback, "text/plain": repr(self)}

    def __repr__(self):
        values = ", ".join(f"{name}={control.value!r}" for name, control in self.controls.items())
        return f"<Explorer: {values}>"
