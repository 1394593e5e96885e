"""Pictures draw the numbers they say they draw, label their axes, and describe themselves."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from models import CODING, MAXIMAL, simulate

import glmmlib as gl
from glmmlib import plots
from glmmlib.glm import glm
from glmmlib.plots.pairs import null_directions, principal_axes
from glmmlib.plots.style import number
from glmmlib.teaching.figures import show

pytestmark = pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def crowding():
    return gl.load_crowding()


@pytest.fixture(scope="module")
def m(crowding):
    return gl.glmer("ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) | Subject)", crowding,
                    contrasts=CODING)


@pytest.fixture(scope="module")
def maximal(crowding):
    """A singular fit, four coefficients varying."""
    return gl.glmer(MAXIMAL, crowding, contrasts=CODING)


@pytest.fixture(scope="module")
def guessing(crowding):
    return gl.glmer("ResponseCorrect ~ Size + Condition + (1 | Subject)", crowding, gl.Binomial(guess=0.1, lapse=0.02))


@pytest.fixture(scope="module")
def crossed():
    """Counts by subjects and items, with an exposure."""
    rng = np.random.default_rng(1)
    subject, item = (index.ravel() for index in np.indices((25, 15)))
    x, exposure = rng.normal(size=len(subject)), rng.uniform(1, 4, size=len(subject))
    b, c = rng.normal(size=(25, 2)) * [0.6, 0.3], 0.5 * rng.normal(size=15)
    eta = 0.3 + b[subject, 0] + c[item] + (0.4 + b[subject, 1]) * x
    data = pd.DataFrame({"n": rng.poisson(exposure * np.exp(eta)), "x": x, "exposure": exposure,
                         "cond": rng.choice(["a", "b"], len(x)), "subject": subject, "item": [f"w{i}" for i in item]})
    return gl.glmer("n ~ x + cond + offset(log(exposure)) + (1 + x | subject) + (1 | item)", data, "poisson")


@pytest.fixture(scope="module")
def times(crowding):
    return gl.lmer("ResponseTime ~ Condition + center(Size) + (1 | Subject)", crowding)


def curves(ax):
    """The thick lines of an axis: its curves."""
    return [line for line in ax.lines if line.get_linewidth() == 2]


def band(ax, i=0):
    """The lower and upper edge (k,) of the i-th band."""
    vertices = ax.collections[i].get_paths()[0].vertices
    k = (len(vertices) - 3) // 2
    return vertices[1:k + 1, 1], vertices[k + 2:2 * k + 2, 1][::-1]


def error_bars(ax):
    """For each error-bar container with points: (k, 2) ends of the bars."""
    return [np.array([segment[:, 1] for segment in container[2][0].get_segments()]) for container in ax.containers]


# --- psychometric curves -------------------------------------------------------------------

def test_population_curves_are_the_predictions(m):
    ax = plots.plot_psychometric(m, p=0.625, units="arcmin")
    for line, condition in zip(curves(ax), ["uncrowded", "crowded"], strict=True):
        rows = pd.DataFrame({"Size": line.get_xdata(), "Condition": condition})
        np.testing.assert_allclose(line.get_ydata(), m.predict(rows, re="population"))
    assert ax.get_xlabel() == "Size (arcmin)" and ax.get_ylabel() == "proportion of ResponseCorrect"


def test_the_band_is_the_delta_methods(m):
    ax = plots.plot_psychometric(m, level=0.9)
    lower, upper = band(ax)
    line = curves(ax)[0]
    rows = pd.DataFrame({"Size": line.get_xdata(), "Condition": "uncrowded"})
    X = m.design.fixed_columns(rows)
    half = 1.6448536 * np.sqrt(np.sum(X @ m.vcov.to_numpy() * X, axis=1))
    eta = m.predict(rows, re="population", type="link")
    np.testing.assert_allclose(lower, m.family.inverse(eta - half), rtol=1e-5)
    np.testing.assert_allclose(upper, m.family.inverse(eta + half), rtol=1e-5)


def test_a_members_curves_thresholds_and_points_are_its_own(m, crowding):
    ax = plots.plot_psychometric(m, p=[0.5, 0.75], member="9")
    for line, condition in zip(curves(ax), ["uncrowded", "crowded"], strict=True):
        rows = pd.DataFrame({"Size": line.get_xdata(), "Condition": condition, "Subject": "9"})
        np.testing.assert_allclose(line.get_ydata(), m.predict(rows))
    marks = sorted((line.get_ydata()[0], line.get_xdata()[0]) for line in ax.lines if line.get_marker() == "|")
    table = m.thresholds(p=[0.5, 0.75])
    table = table[table.Subject == "9"].sort_values(["p", "threshold"])
    np.testing.assert_allclose(marks, table[["p", "threshold"]])
    intervals = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 3.5]
    np.testing.assert_allclose(np.sort(intervals, axis=0), table[["lower", "upper"]].apply(np.sort))
    assert f"{np.sum(crowding.Subject == '9')} trials" in plots.alt_text(ax)
    assert "Subject 9" in ax.get_title()


def test_points_are_the_bins(m):
    ax = plots.plot_psychometric(m, bins=5)
    table = plots.binned(m, bins=5)
    drawn = np.concatenate(error_bars(ax))
    np.testing.assert_allclose(drawn, table[["lower", "upper"]])
    assert not plots.plot_psychometric(m, bins=0).containers


def test_bins_count_trials_not_rows(crowding):
    counts = crowding.assign(Size=crowding.Size.round(1)).groupby(["Subject", "Size"], observed=True).ResponseCorrect.agg(
        ["sum", "size"]).reset_index()
    model = gl.glmer("cbind(sum, size - sum) ~ Size + (1 | Subject)", counts)
    table = plots.binned(model, bins=6)
    assert table.trials.sum() == len(crowding)
    assert (table.trials * table.proportion).sum() == pytest.approx(crowding.ResponseCorrect.sum())
    assert (table.trials * table.predicted).sum() == pytest.approx((model.predict() * counts["size"]).sum())


def test_bins_without_errors_have_an_interval_too():
    data = simulate(groups=8, rows=60, beta=(1, 4))
    model = gl.glmer("y ~ x + (1 | g)", data)
    for trials in range(3, 20):
        table = plots.binned(model, "x", bins=len(data) // trials)
        assert table.proportion.max() == 1 and table.proportion.min() == 0
        assert (table.lower <= table.proportion).all() and (table.proportion <= table.upper).all()
    plots.plot_psychometric(model, "x", bins=100)


def test_asymptotes_are_marked(guessing):
    ax = plots.plot_psychometric(guessing)
    heights = {round(float(line.get_ydata()[0]), 6) for line in ax.lines
               if len(line.get_xdata()) == 2 and list(line.get_xdata()) == [0, 1]}
    assert heights == {0.1, 0.98}
    assert {text.get_text() for text in ax.texts} == {"guess rate 0.1", "lapse rate 0.02"}
    halfway = guessing.thresholds(p=0.54, re="population").threshold
    assert all(number(t) in ax.get_title() for t in halfway)


def test_panels_are_the_members(m):
    axes = plots.plot_psychometric_panels(m, members=["3", "5"], units="arcmin")
    assert [ax.get_title() for ax in axes] == ["Subject 3", "Subject 5"]
    rows = pd.DataFrame({"Size": curves(axes[1])[0].get_xdata(), "Condition": "uncrowded", "Subject": "5"})
    np.testing.assert_allclose(curves(axes[1])[0].get_ydata(), m.predict(rows))
    alt = plots.alt_text(axes)
    assert all(number(t) in alt for t in m.thresholds(p=0.5).query("Subject in ['3', '5']").threshold)


def test_curves_that_are_not_straight_have_no_thresholds_unless_asked(crowding):
    model = gl.glmer("ResponseCorrect ~ log(Size) + (1 | Subject)", crowding)
    assert not any(line.get_marker() == "|" for line in plots.plot_psychometric(model).lines)
    with pytest.raises(gl.DataError, match="straight line"):
        plots.plot_psychometric(model, p=0.5)


def test_a_model_without_random_effects_has_curves_too(crowding):
    pooled = glm("ResponseCorrect ~ Size * Condition", crowding)
    ax = plots.plot_psychometric(pooled)
    rows = pd.DataFrame({"Size": curves(ax)[1].get_xdata(), "Condition": "crowded"})
    np.testing.assert_allclose(curves(ax)[1].get_ydata(), pooled.predict(rows))
    prediction = pooled.statsmodels.get_prediction(pooled.design.fixed_columns(rows)).conf_int()
    np.testing.assert_allclose(np.transpose(band(ax, 1)), prediction, rtol=1e-6)


# --- effects ---------------------------------------------------------------------------------

@pytest.mark.parametrize("scale", ["response", "link"])
def test_effects_are_predictions_of_the_typical_group(m, crossed, scale):
    ax = plots.plot_effects(m, "Size", by="Condition", scale=scale, units="arcmin")
    for line, condition in zip(curves(ax), ["uncrowded", "crowded"], strict=True):
        rows = pd.DataFrame({"Size": line.get_xdata(), "Condition": condition})
        np.testing.assert_allclose(line.get_ydata(), m.predict(rows, re="population", type=scale))
    ax = plots.plot_effects(crossed, "x", by="cond", scale=scale)
    rows = pd.DataFrame({"x": curves(ax)[0].get_xdata(), "cond": "a",
                         "exposure": crossed.design.variables["exposure"].mean()})
    np.testing.assert_allclose(curves(ax)[0].get_ydata(), crossed.predict(rows, re="population", type=scale))


def test_effects_average_over_what_is_not_drawn(times):
    ax = plots.plot_effects(times, "Size")
    x = curves(ax)[0].get_xdata()
    each = [times.predict(pd.DataFrame({"Size": x, "Condition": c}), re="population") for c in ("uncrowded", "crowded")]
    np.testing.assert_allclose(curves(ax)[0].get_ydata(), np.mean(each, axis=0))
    assert ax.get_ylabel() == "mean of ResponseTime"


def test_effects_of_categories_hold_numbers_where_told(m):
    ax = plots.plot_effects(m, "Condition", at={"Size": [1, 2]})
    assert [label.get_text() for label in ax.get_xticklabels()] == ["uncrowded", "crowded"]
    for container, size in zip(ax.containers, (1, 2), strict=True):
        rows = pd.DataFrame({"Size": size, "Condition": ["uncrowded", "crowded"]})
        np.testing.assert_allclose(container[0].get_ydata().astype(float), m.predict(rows, re="population"))


def test_marginal_means_are_the_models(m):
    ax = plots.plot_effects(m, "Size", by="Condition", marginal=True)
    dotted = [line for line in ax.lines if line.get_linewidth() == 1.2]
    rows = pd.DataFrame({"Size": dotted[1].get_xdata(), "Condition": "crowded"})
    np.testing.assert_allclose(dotted[1].get_ydata(), m.predict(rows, re="marginal"))
    assert "mean over groups" in plots.alt_text(ax)


# --- random effects ----------------------------------------------------------------------------

def test_caterpillars_are_modes_and_their_intervals(crossed):
    axes = plots.plot_caterpillar(crossed, group="subject", level=0.9)
    modes, sd = crossed.ranef["subject"], crossed.ranef_sd["subject"]
    order = modes["(Intercept)"].sort_values().index
    assert [text.get_text() for text in axes[0].get_yticklabels()] == [str(level) for level in order]
    for ax, name in zip(axes, modes, strict=True):
        segments = np.array([s[:, 0] for s in ax.containers[0][2][0].get_segments()])
        half = 1.6448536 * sd[name].loc[order]
        np.testing.assert_allclose(segments, np.column_stack([modes[name].loc[order] - half, modes[name].loc[order] + half]),
                                   atol=1e-6)
    alone = plots.plot_caterpillar(crossed, group="item")
    assert len(alone) == 1 and number(crossed.ranef["item"].max().item()) in plots.alt_text(alone)


def arrows(ax):
    """(J, 2, 2): start and end of each arrow."""
    return np.array([[text.xyann, text.xy] for text in ax.texts if text.arrow_patch], dtype=float)


def test_arrows_lead_from_separate_estimates_to_modes(crossed):
    ax = plots.plot_shrinkage(crossed, group="subject", units={"x": "log mean per SD"})
    np.testing.assert_allclose(arrows(ax)[:, 1], crossed.coef["subject"][["(Intercept)", "x"]])
    np.testing.assert_allclose(arrows(ax)[:, 0], plots.unpooled(crossed, "subject"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("(Intercept) (log mean)", "x (log mean per SD)")
    swapped = plots.plot_shrinkage(crossed, "x", group="subject")
    assert swapped.get_ylabel() == "(Intercept) (log mean)"
    alone = plots.plot_shrinkage(crossed, group="item")
    np.testing.assert_allclose(np.sort(arrows(alone)[:, 1, 0]), crossed.coef["item"]["(Intercept)"].sort_values())


def test_unpooled_is_a_regression_for_each_group(crowding):
    import statsmodels.api as sm

    model = gl.glmer("ResponseCorrect ~ Size + (1 + Size | Subject)", crowding)
    table = plots.unpooled(model)
    for subject, rows in crowding.groupby("Subject", observed=True):
        fit = sm.GLM(rows.ResponseCorrect, sm.add_constant(rows[["Size"]]), sm.families.Binomial()).fit()
        np.testing.assert_allclose(table.loc[subject], fit.params, rtol=1e-5)


def test_groups_without_an_estimate_of_their_own_have_no_arrow():
    data = simulate(groups=12, rows=20)
    data.loc[data.g == "g003", "y"] = 1
    ax = plots.plot_shrinkage(gl.glmer("y ~ x + (1 | g)", data))
    assert len(arrows(ax)) == 11
    assert "without a finite estimate of their own: 1." in plots.alt_text(ax)


def test_pairs_show_modes_and_the_ellipse_of_sigma(crossed):
    (ax,) = plots.plot_pairs(crossed, group="subject")
    modes = next(line for line in ax.lines if line.get_label() == "modes")
    np.testing.assert_allclose(np.transpose(modes.get_data()), crossed.ranef["subject"])
    ellipse = np.array(next(line for line in ax.lines if line.get_label().startswith("distribution")).get_data())
    L = crossed.fit.Lambdas[0]
    np.testing.assert_allclose(np.linalg.norm(np.linalg.solve(L, ellipse), axis=0), 2)
    assert not any(line.get_label() == "no variance" for line in ax.lines)


def test_a_singular_fits_direction_is_drawn_where_nothing_varies(maximal):
    components, nothing = principal_axes(maximal), null_directions(maximal)
    assert len(components) == 3 and len(nothing) == 1
    Sigma = maximal.fit.Lambdas[0] @ maximal.fit.Lambdas[0].T
    np.testing.assert_allclose(components.T @ components, Sigma, atol=1e-8)
    # together they span all directions, and only the three carry variance
    assert np.linalg.matrix_rank(np.vstack([components, nothing])) == 4
    (same,) = (found.combination for found in maximal.convergence.no_variance)
    assert np.abs(components @ same).max() < 1e-6 < np.abs(nothing @ same).item()
    axes = plots.plot_pairs(maximal)
    assert len(axes) == 6
    for ax, (i, j) in zip(axes, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], strict=True):
        (line,) = [line for line in ax.lines if line.get_label() == "no variance"]
        dx, dy = np.ptp(line.get_xdata()), np.ptp(line.get_ydata())
        null = np.abs(nothing.to_numpy()[0])
        assert dy * null[i] == pytest.approx(dx * null[j])
    assert "1 of 4 principal components" in plots.alt_text(axes)


def test_a_singular_pair_is_told(crowding):
    data = simulate(groups=12, rows=30, sd=(0.8, 0.0), rho=0.0, seed=2)
    model = gl.glmer("y ~ x + (1 + x | g)", data)
    assert model.is_singular
    (ax,) = plots.plot_pairs(model)
    assert "do not differ" in plots.alt_text(ax)
    assert sum(line.get_label() == "no variance" for line in ax.lines) == 1


# --- residuals and profiles --------------------------------------------------------------------

def test_binned_residuals_add_up(m, crossed, times):
    for model in (m, crossed, times):
        table = plots.binned_residuals(model, bins=10)
        assert table["rows"].sum() == model.nobs
        np.testing.assert_allclose((table.residual * table["rows"]).sum(), np.sum(model.design.y - model.predict()),
                                   atol=1e-6 * model.nobs)
    ax = plots.plot_binned_residuals(times, "Size", bins=10, units="arcmin")
    table = plots.binned_residuals(times, "Size", bins=10)
    np.testing.assert_allclose(table.limit, 1.959964 * times.sigma / np.sqrt(table["rows"]), rtol=1e-6)
    drawn = np.hstack([line.get_data() for line in ax.lines if line.get_label() in ("within", "beyond")])
    np.testing.assert_allclose(drawn[:, np.argsort(drawn[0])], table[["mean", "residual"]].T)


def test_quantile_residuals_of_the_right_kind_stay_in_their_band(m):
    normal = np.random.default_rng(0).normal(size=500)
    ax = plots.plot_quantile_residuals(m, residuals=normal)
    share = float(ax.get_title().split(" %")[0])
    assert share < 15
    drawn = np.hstack([line.get_data() for line in ax.lines if line.get_label() in ("within", "beyond")])
    np.testing.assert_allclose(np.sort(drawn.sum(axis=0)), np.sort(normal))
    assert float(plots.plot_quantile_residuals(m, residuals=normal + 1).get_title().split(" %")[0]) > 90


def test_quantile_residuals_come_from_the_model(m):
    ax = plots.plot_quantile_residuals(m, seed=3)
    drawn = np.hstack([line.get_data() for line in ax.lines if line.get_label() in ("within", "beyond")])
    np.testing.assert_allclose(np.sort(drawn.sum(axis=0)), np.sort(m.residuals("quantile", 3)))


def zeta_table():
    value = np.linspace(0.2, 1.5, 41)
    return pd.concat([pd.DataFrame({"parameter": "a", "value": value, "zeta": (value - 0.8) / 0.1}),
                      pd.DataFrame({"parameter": "sd_b|g", "value": value, "zeta": 3 * np.log(value / 0.5)})])


def test_profiles_are_drawn_with_their_intervals_and_tangents():
    axes = plots.plot_zeta(zeta_table())
    straight, bent = axes
    tangent, curve = ([line for line in straight.lines if line.get_label() == name][0] for name in ("Wald: tangent", "profile"))
    np.testing.assert_allclose(tangent.get_ydata(), curve.get_ydata(), atol=1e-9)
    ends = [line.get_xdata()[0] for line in straight.lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(ends, [0.8 - 0.1959964, 0.8 + 0.1959964], atol=1e-6)
    ends = [line.get_xdata()[0] for line in bent.lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(ends, 0.5 * np.exp(np.array([-1, 1]) * 1.959964 / 3), rtol=1e-3)
    assert "sd_b|g bends most" in plots.alt_text(axes)
    assert len(plots.plot_zeta(zeta_table(), "a")) == 1


def test_a_profile_of_the_library_is_drawn(m):
    profile = gl.profile(m, "(Intercept)")
    (ax,) = plots.plot_zeta(profile)
    ends = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(ends, profile.confint().to_numpy()[0], rtol=1e-2)


# --- what all have in common -------------------------------------------------------------------

PICTURES = {
    "psychometric": lambda m, ax: plots.plot_psychometric(m, ax=ax),
    "effects": lambda m, ax: plots.plot_effects(m, "Size", by="Condition", ax=ax),
    "shrinkage": lambda m, ax: plots.plot_shrinkage(m, ax=ax),
    "binned residuals": lambda m, ax: plots.plot_binned_residuals(m, ax=ax),
    "quantile residuals": lambda m, ax: plots.plot_quantile_residuals(m, residuals=m.residuals(), ax=ax),
    "pairs": lambda m, ax: plots.plot_pairs(m, axes=ax)[0],
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_draws_into_an_axis_and_tells_of_itself(m, name):
    _, ax = plt.subplots()
    assert PICTURES[name](m, ax) is ax
    assert ax.get_xlabel() and ax.get_ylabel()
    alt = plots.alt_text(ax)
    assert any(character.isdigit() for character in alt) and len(alt) > 80
    assert plots.alt_text(ax.figure) == alt
    assert name == "pairs" or ax.get_title()


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_clipped_or_hidden(m, name):
    """All text lies within the figure, and the legend, outside the axis, covers no data."""
    ax = PICTURES[name](m, None)
    figure = ax.figure
    figure.canvas.draw()
    renderer, page = figure.canvas.get_renderer(), figure.bbox
    legends = figure.legends
    for artist in (ax.title, ax.xaxis.label, ax.yaxis.label, figure._suptitle, *legends):
        if artist is not None:
            box = artist.get_window_extent(renderer)
            assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1 and box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1
    assert legends
    for legend in legends:
        assert not legend.get_window_extent(renderer).overlaps(ax.get_window_extent(renderer))


def test_show_takes_the_pictures_own_words(m, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    ax = plots.plot_effects(m, "Size")
    show(ax.figure)
    assert 'alt="From Size' in shown[0].data
    with pytest.raises(gl.DataError, match="not drawn by glmmlib.plots"):
        show(plt.figure())


@pytest.mark.parametrize("call, said", [
    (lambda m, c, t: plots.plot_psychometric(c), "binomial family, and this model is poisson"),
    (lambda m, c, t: plots.plot_psychometric(m, member="99"), "Subject '99' was not in the fitted data"),
    (lambda m, c, t: plots.plot_psychometric(m, "Siz"), "its predictors are: Size"),
    (lambda m, c, t: plots.plot_psychometric(m, p=2), "between 0 and 1"),
    (lambda m, c, t: plots.binned(m, "Condition"), "not numeric"),
    (lambda m, c, t: plots.plot_psychometric(m, "Condition"), "not numeric"),
    (lambda m, c, t: plots.plot_psychometric_panels(m, members=["1", "2"], axes=plt.subplots()[1]), "2 groups"),
    (lambda m, c, t: plots.plot_effects(m, "Size", by="Size"), "by='Size' is not a categorical"),
    (lambda m, c, t: plots.plot_effects(m, "Size", at={"Condition": 1}), "at names 'Condition'"),
    (lambda m, c, t: plots.plot_effects(m, "Size", scale="log"), "scale must be one of 'response', 'link', not 'log'"),
    (lambda m, c, t: plots.plot_effects(m, "Size", level=95), "level must be a number between 0 and 1, not 95"),
    (lambda m, c, t: plots.plot_caterpillar(c), "group= one of 'subject', 'item'"),
    (lambda m, c, t: plots.plot_caterpillar(c, group="word"), "it has: subject, item"),
    (lambda m, c, t: plots.plot_shrinkage(m, y="Condition"), "does not vary by Subject"),
    (lambda m, c, t: plots.plot_pairs(t), "no pair to draw"),
    (lambda m, c, t: plots.plot_binned_residuals(m, "Condition"), "not a numeric column"),
    (lambda m, c, t: plots.plot_zeta(pd.DataFrame({"value": [1]})), "gl.profile"),
    (lambda m, c, t: plots.plot_zeta(zeta_table(), "c"), "choose from: a, sd_b"),
])
def test_errors_are_one_sentence(m, crossed, times, call, said):
    with pytest.raises(gl.DataError) as told:
        call(m, crossed, times)
    assert said in str(told.value) and str(told.value).endswith(".")
