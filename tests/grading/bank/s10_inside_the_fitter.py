"""Section 10: what students type."""

from .students import Answers

SECRETS = ("s10.integrand()", "s10.reference", "f.curvature(")

ROUTES = """\
from scipy.stats import bernoulli, norm
X, Y = one.x.to_numpy(), one.Correct.to_numpy()
def prob(u, scale=3.0):
    return expit(1.0 + 1.5 * X + scale * u)
def logp(u, scale=3.0):
    return bernoulli.logpmf(Y, prob(u, scale)).sum()
def curve(u, scale=3.0):
    return 1 + scale**2 * np.sum(prob(u, scale) * (1 - prob(u, scale)))
def area(f, low=-12, high=12):
    return quad(f, low, high, points=[-1, 0], limit=200)[0]
mode = minimize(lambda u: u[0]**2 / 2 - logp(u[0]), [0.0], tol=1e-9).x[0]
alone = minimize(lambda u: -logp(u[0]), [0.0], tol=1e-9).x[0]
lap = logp(mode) - mode**2 / 2 - np.log(curve(mode)) / 2
fitted = gl.glmer("Correct ~ x + (1 | Person)", people)
modes, mine = fitted.ranef["Person"], one.Person[0]
"""
BEFORE = dict.fromkeys(("integrand", "integral", "mode", "laplace-answer", "fit", "quadrature", "price"), ROUTES)


def five_points(centre="mode", scale="1 / np.sqrt(curve(mode))", front="1 / np.sqrt(curve(mode))", n=5, bell="nodes**2 / 2"):
    """Code of Gauss and Hermite's sum."""
    return (f"nodes, weights = np.polynomial.hermite_e.hermegauss({n})\n"
            f"heights = [np.exp(logp(at) - at**2 / 2) for at in {centre} + {scale} * nodes]\n"
            f"np.log({front} * np.sum(weights * np.exp({bell}) * heights) / np.sqrt(2 * np.pi))")


ANSWERS = {
    "log_integrand_at_minus_1": Answers(
        right=["logp(-1) + norm.logpdf(-1)", "np.log(np.prod(np.where(Y == 1, prob(-1), 1 - prob(-1))) * norm.pdf(1))",
               "logp(-1) - 0.5 - np.log(np.sqrt(2 * np.pi))"],
        wrong={
            "logp(-1)": "the prior of u, with its u²/2, is missing",
            "logp(-1) - 0.5": (0.5, "the constant of the normal density is missing"),
            "logp(-1, 1) + norm.logpdf(-1)": "you added u itself",
            "logp(-1) + np.log(norm.pdf(0))": "the prior's u²/2 is missing",
            "logp(-1) + 0.5 + np.log(norm.pdf(0))": "the prior's u²/2 has the wrong sign",
            "logp(-1) - 1 + np.log(norm.pdf(0))": "you took away u², not u²/2",
            "logp": "call it, with ( )",
        }),
    "log_integral": Answers(
        right=["np.log(area(lambda u: np.exp(logp(u)) * norm.pdf(u)))",
               "np.log(quad(lambda b: np.exp(logp(b, 1)) * norm.pdf(b, scale=3), -30, 30, points=[0])[0])",
               "u = np.linspace(-10, 10, 4001)\nnp.log(sum(np.exp(logp(v)) * norm.pdf(v) for v in u) * (u[1] - u[0]))"],
        wrong={
            "np.log(area(lambda u: np.exp(logp(u))))": "you integrated p(y | u) alone",
            "np.log(area(lambda u: np.exp(logp(u) - u**2 / 2)))": (0.5, "√(2π) is missing"),
            "area(lambda u: np.exp(logp(u)) * norm.pdf(u))": "this is the likelihood itself",
            "logp(mode) + norm.logpdf(mode)": "the height of the integrand's peak",
            "logp(0)": "this is the likelihood of a person with u = 0",
            "np.log(area(lambda u: np.exp(logp(u, 1)) * norm.pdf(u)))":
                "θ is missing: the person's deviation is b = θu",
            "quad(lambda u: np.exp(logp(u)) * norm.pdf(u), -10, 10)": "holds 2 values",
        }),
    "first_step": Answers(
        right=["3 * np.sum(Y - prob(0)) / curve(0)", "-0.828",
               "e = 1e-4\ng = [(u**2 / 2 - logp(u)) for u in (-e, 0, e)]\n-(g[2] - g[0]) / (2 * e) / ((g[2] - 2 * g[1] + g[0]) / e**2)"],
        wrong={
            "3 * np.sum(Y - prob(0)) / (curve(0) - 1)": "the prior's 1 is missing in the curvature",
            "np.sum(Y - prob(0)) / curve(0)": "θ is missing in the gradient",
            "3 * np.sum(Y - prob(0)) / curve(0, 1)": "θ² is missing in the curvature",
            "3 * np.sum(Y - prob(0))": "this is the gradient",
            "-3 * np.sum(Y - prob(0)) / curve(0)": "this step goes downhill",
            "mode": "the first step from 0 is asked for",
        }),
    "u_mode": Answers(
        right=["mode", "fine = np.linspace(-2, 0, 20_001)\nfine[np.argmax([logp(u) - u**2 / 2 for u in fine])]",
               "from scipy.optimize import brentq\nbrentq(lambda u: 3 * np.sum(Y - prob(u)) - u, -3, 3)"],
        wrong={
            "alone": "the mode of the likelihood p(y | u), without the prior",
            "3 * mode": "the mode of u is asked for",
            "mode / 3": "you divided by θ",
            "minimize(lambda u: u[0]**2 / 2 - logp(u[0], 1), [0.0]).x[0]": "θ is missing",
            "first = 3 * np.sum(Y - prob(0)) / curve(0)\nfirst": "take steps until they are tiny",
            "0.6": "at the peak it is 0",
        }),
    "b_mode": Answers(
        right=["3 * mode", "-2.35", "minimize(lambda b: b[0]**2 / 18 - logp(b[0], 1), [0.0]).x"],
        wrong={
            "mode": "the deviation in log-odds is b = θu",
            "9 * mode": "you multiplied by the variance",
            "3 * alone": "the mode of the likelihood alone",
            "1 + 3 * mode": "this is the person's own intercept",
            "mode / 3": "you divided by θ",
            "-3 * mode": "the sign is the wrong one",
        }),
    "curvature_at_mode": Answers(
        right=["curve(mode)", "1 + 9 * bernoulli.var(prob(mode)).sum()",
               "e = 1e-3\ng = [u**2 / 2 - logp(u) for u in (mode - e, mode, mode + e)]\n(g[0] - 2 * g[1] + g[2]) / e**2"],
        wrong={
            "curve(mode) - 1": "−u²/2 has a curvature, too",
            "-curve(mode)": "negative at a peak; A is its negative",
            "curve(0)": "curvature at u = 0",
            "1 / curve(mode)": "the conditional variance of u",
            "1 + 9 * np.sum(prob(mode))": "the weight of a trial is p(1 − p)",
            "1 + (curve(mode) - 1) / 9": "θ² is missing: each",
        }),
    "laplace_loglik": Answers(
        right=["lap", "np.log(np.exp(logp(mode)) * norm.pdf(mode) * np.sqrt(2 * np.pi / curve(mode)))",
               "logp(mode) - (mode**2 + np.log(curve(mode))) / 2"],
        wrong={
            "logp(mode) - np.log(curve(mode)) / 2": "û²/2 is missing",
            "lap + np.log(2 * np.pi) / 2": (0.5, "that of φ is not: they cancel"),
            "logp(mode) - mode**2 / 2": "½ log A, is missing",
            "lap + np.log(curve(mode))": "½ log A has the wrong sign",
            "logp(mode) - mode**2 / 2 - np.log(curve(mode))": "½ log A is asked for",
            "logp(mode) - mode**2 / 2 - np.log(1 + (curve(mode) - 1) / 9) / 2": "θ² is missing in the curvature",
            "np.exp(lap)": "this is the likelihood",
        }),
    "theta_hat": Answers(
        right=["fitted.theta", "minimize(deviance, [1.0, 0.0, 1.0], method='Nelder-Mead').x[0]", "fitted.varcorr['sdcor'].iloc[0]"],
        wrong={
            "fitted.theta**2": "this is the variance θ²",
            "-fitted.theta": (0.5, "−θ fits as well"),
            "fitted.fixef.iloc[0]": "this is the intercept: phi has θ first",
            "3.0": "the value that the data were simulated with",
            "modes.iloc[:, 0].std()": "this is the SD of the conditional modes",
            "gl.glmer('Correct ~ x + (1 | Person)', people, nAGQ=9).theta": "this is the estimate by quadrature",
        }),
    "intercept_hat": Answers(
        right=["fitted.fixef.iloc[0]", "minimize(deviance, [1.0, 0.0, 1.0], method='Nelder-Mead').x[1]",
               "fitted.predict(pd.DataFrame({'x': [0.0]}), re='population', type='link')"],
        wrong={
            "fitted.fixef.iloc[1]": "this is the slope",
            "fitted.theta[0]": "this is θ",
            "1.0": "the value that the data were simulated with",
            "expit(fitted.fixef.iloc[0])": "this is a probability",
            "import statsmodels.formula.api as smf\nsmf.logit('Correct ~ x', people).fit(disp=0).params['Intercept']":
                "this is the intercept of a GLM without people",
            "fitted.fixef": "holds 2 values",
        }),
    "own_intercept": Answers(
        right=["fitted.coef['Person'].loc[mine, '(Intercept)']", "fitted.fixef.iloc[0] + modes.loc[mine]",
               "fitted.predict(pd.DataFrame({'Person': [mine], 'x': [0.0]}), type='link')"],
        wrong={
            "fitted.fixef.iloc[0]": "add the person's deviation",
            "modes.loc[mine]": "add the population's intercept",
            "fitted.fixef.iloc[0] - modes.loc[mine]": "you subtracted the deviation",
            "fitted.fixef.iloc[0] + modes.loc[mine] / fitted.theta[0]": "make it b = θu before you add it",
            "modes.loc[mine] / fitted.theta[0]": "this is u: make it b = θu",
            "expit(fitted.coef['Person'].loc[mine, '(Intercept)'])": "this is a probability",
        }),
    "quadrature_loglik": Answers(
        right=[five_points(), "s10.integrand().quadrature(5)",
               "nodes, weights = np.polynomial.hermite.hermgauss(5)\nwide = np.sqrt(2 / curve(mode))\n"
               "np.log(wide * sum(w * np.exp(z**2 + logp(mode + wide * z)) * norm.pdf(mode + wide * z) for z, w in zip(nodes, weights)))"],
        wrong={
            "lap": "one node; five are asked for",
            "np.log(area(lambda u: np.exp(logp(u)) * norm.pdf(u)))": "this is the exact integral",
            five_points(centre="0", scale="1", front="1"): "put them where this person's peak is",
            five_points(scale="1", front="1"): "the nodes have width 1",
            five_points(scale="1 / curve(mode)", front="1 / curve(mode)"): "1/A is the variance",
            five_points(front="1"): "the factor 1/√A",
            five_points() + " + np.log(2 * np.pi) / 2": (0.5, "weights of hermegauss sum to √(2π)"),
        }),
    "nodes_per_subject": Answers(
        right=["7**4", '"2401"', "len(np.stack(np.meshgrid(*[range(7)] * 4)).reshape(4, -1).T)"],
        wrong={
            "28": "they multiply, they do not add",
            "7": "make a grid of them",
            "4**7": "it is the other way round",
            "7**3": "the intercept varies, too",
            "24_010": "one subject is asked for",
            "7 * 10": "these are seven nodes for ten subjects",
        }),
    "comparison": Answers(
        right=['"no"', '"NO"'],
        wrong={'"yes"': "approximations of different accuracy", '"maybe"': "none of the options"}),
}
