"""Pictures of fitted models: plot_x(result, ...) -> matplotlib axis. Needs matplotlib.

Functions that draw one axis take `ax` and return it; those that draw a panel for each coefficient,
group or parameter take `axes` and return an array of them: `plot_caterpillar`, `plot_pairs`,
`plot_psychometric_panels`, `plot_zeta`. A picture's title says what was found, and `alt_text(ax)`
says in words what it shows. Where a picture draws a table, that table can be had:
`binned`, `binned_residuals`, `unpooled`.

>>> import glmmlib as gl
>>> from glmmlib.plots import alt_text, plot_psychometric
>>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) * Condition + (1 | Subject)", gl.load_crowding())
>>> ax = plot_psychometric(m, x="Size", units="arcmin")
>>> alt_text(ax)[:36]
'50 % at 1.29 arcmin (uncrowded) and '
"""

from .caterpillar import plot_caterpillar
from .effects import plot_effects
from .pairs import plot_pairs
from .profile import plot_zeta
from .psychometric import binned, plot_psychometric, plot_psychometric_panels
from .residuals import binned_residuals, plot_binned_residuals, plot_quantile_residuals
from .shrinkage import plot_shrinkage, unpooled
from .style import BLUE, GREEN, GREY, ORANGE, PURPLE, alt_text

__all__ = [
    "BLUE", "GREEN", "GREY", "ORANGE", "PURPLE", "alt_text", "binned", "binned_residuals", "plot_binned_residuals",
    "plot_caterpillar", "plot_effects", "plot_pairs", "plot_psychometric", "plot_psychometric_panels",
    "plot_quantile_residuals", "plot_shrinkage", "plot_zeta", "unpooled",
]
