"""Pictures that follow sliders, one file each. They share two things, both in `explorer`.

**How a picture follows within 100 ms.** A full drawing by matplotlib takes about that long by
itself, most of it for axes and their numbers. So a widget makes what moves with `animated=True`,
and a MovingPicture draws the rest once and only the moving parts anew. If something that does not
move has changed all the same (an axis' limits), it notices and draws everything once more. The
browser sends a slider's next value when it has been told that the last one was dealt with, so
values do not pile up.

**What is shown where widgets cannot run** (a feedback page, a notebook on GitHub, a printout): the
picture of the values that the widget began with and the sentence about it. An Explorer carries
both along with the widget, and the page shows what it can. The sentence is also the picture's text
alternative, and changes with it.

A widget is a function that returns an Explorer::

    def my_widget():
        figure = ...                        # a matplotlib.figure.Figure with animated artists
        picture = MovingPicture(figure)

        def view(slope):
            line.set_ydata(slope * x)
            return picture, f"The slope is {slope:.1f}."

        return Explorer(view, slope=ipywidgets.FloatSlider(...))
"""

from .byhand import by_hand_explorer
from .explorer import Explorer, MovingPicture
from .laplace import laplace_explorer
from .links import link_explorer
from .shrinkage import shrinkage_explorer
from .singular import singular_explorer
from .thresholds import threshold_explorer

__all__ = ["Explorer", "MovingPicture", "by_hand_explorer", "laplace_explorer", "link_explorer", "shrinkage_explorer",
           "singular_explorer", "threshold_explorer"]
