"""Section 3: what students type."""

from .students import Answers

SECRETS = ("s3.reference", "different_elements")
PAGE = ('<img alt="At x = 1.0 the linear predictor',)     # the explorer is a picture there

BEFORE = {
    "q1": "eta = 0.4 + 0.6 * -2\n",
    "q2": "rng = np.random.default_rng(8)\nx = rng.normal(0, 1, 600)\neta = 1 + x / 2\nlam = np.exp(eta)\n",
    "q3": "line = smf.ols('ResponseCorrect ~ Size', cohort.load_crowding()).fit().fittedvalues\n",
    "q5": "rng = np.random.default_rng(8)\nwho = np.repeat(np.arange(200), 10)\nb = rng.normal(0, 0.5, 200)[who]\n"
          "x = rng.uniform(-1, 1, 2000)\neta = 0.5 + b + 1.2 * x\np = expit(eta)\n",
    "q7": "b0, b1 = m.fixef\nhere = b0 + b1 * (high - mean_size)\nb = np.random.default_rng(1).normal(0, 2, 50_000)\n",
    "q10": "b0, b1 = m.fixef\nfirst, last = b0 + b1 * (low - mean_size), b0 + b1 * (high - mean_size)\n"
           "rate = counts_fit.params['Practice']\n",
}

ETA, LAM, Y, B, P = (f"column {name}" for name in ("eta", "lam", "y", "b", "p"))


def counts(**columns):
    """Code of my_counts, with what stands in its columns."""
    return f"pd.DataFrame(dict({_columns({'x': 'x', 'eta': 'eta', 'lam': 'lam', 'y': 'rng.poisson(lam)', **columns})}))"


def trials(**columns):
    """Code of my_trials, with what stands in its columns."""
    columns = {"subject": "who", "b": "b", "x": "x", "eta": "eta", "p": "p", "y": "rng.binomial(1, p)", **columns}
    return f"pd.DataFrame(dict({_columns(columns)}))"


def _columns(columns):
    return ", ".join(f"{name}={code}" for name, code in columns.items() if code)


def sentence(right, words):
    other = {"right": "wrong", "wrong": "right"}[right]
    return Answers(right=[repr(right), repr(right.upper())], wrong={repr(other): words})


def accuracy(eta, other, size, end):
    """Answers to the typical subject's accuracy at a percentile of size."""
    quantile, percent = {"low": ("0.05", "95th"), "high": ("0.95", "5th")}[size]
    return Answers(
        right=[f"expit({eta})", f"m.predict(pd.DataFrame({{'Size': [crowding.Size.quantile({quantile})]}}), re='population')",
               f"1 - 1 / (1 + np.exp({eta}))"],
        wrong={
            eta: "these are log-odds: apply the inverse link",
            f"np.exp({eta})": "these are odds",
            f"expit(b0 + b1 * {size})": "it counts from the mean size",
            f"expit({other})": f"this is for the {percent} percentile",
            f"expit({eta} - b0)": "you left out the intercept",
            f"expit(b0 + b1 * ({quantile} - mean_size))": "is not a size",
            f"expit(b0 + b1 * (crowding.Size.{end}() - mean_size))": "not for a percentile",
        })


ANSWERS = {
    "mean_gaussian": Answers(
        right=["eta", "'-0.8'", "np.dot([1, -2], [0.4, 0.6])"],
        wrong={
            "0.4 - 0.6 * -2": "look at the sign of x",
            "0.4 * -2 + 0.6": "you exchanged intercept and slope",
            "0.6 * -2": "the intercept belongs to it",
            "expit(eta)": "a linear model has the identity link",
            "(0.4 + 0.6) * -2": "x multiplies the slope only",
            "np.exp(eta)": "this is the inverse of the log",
        }),
    "mean_binomial": Answers(
        right=["expit(eta)", "1 / (1 + np.exp(0.8))", "sm.families.links.Logit().inverse(eta)"],
        wrong={
            "eta": "in log-odds: apply the inverse of the logit",
            "np.exp(eta)": "divide them by 1 + odds",
            "expit(-eta)": "this is the probability of a 0",
            "expit(0.6 * -2)": "you left out the intercept",
            "expit(0.4) + expit(-1.2)": "the link is for the whole linear predictor",
            "0.5 + eta / 4": "this is the divide-by-four rule",
        }),
    "mean_poisson": Answers(
        right=["np.exp(eta)", "np.e ** -0.8", "np.exp(0.4) * np.exp(-1.2)"],
        wrong={
            "eta": "this is the linear predictor, a log-count",
            "expit(eta)": "the inverse of the log is the exponential",
            "10**eta": "take exp, not a power of ten",
            "np.exp(-eta)": "look at the sign in the exponent",
            "np.exp(0.4) + np.exp(-1.2)": "the link is for the whole linear predictor",
        }),
    "my_counts": Answers(
        right=[
            counts(note="'mine'"),
            "d = pd.DataFrame({'x': np.linspace(-2, 2, 1000)})\n"
            "d['eta'] = 1 + 0.5 * d.x\nd['lam'] = d.eta.map(np.exp)\nd['y'] = [rng.poisson(mean) for mean in d.lam]\nd",
            "from scipy.stats import poisson\n" + counts(y="poisson(lam).rvs(random_state=1)"),
        ],
        wrong={
            counts(lam="eta", y="np.round(lam)"): {LAM: "the inverse link is missing", Y: "mend lam first"},
            counts(eta="0.5 + x", lam="10**(0.5 + x)", y="rng.normal(lam)"):
                {ETA: "intercept and slope are exchanged", LAM: "not a power of ten", Y: "a normal distribution does not draw such"},
            counts(eta="x / 2", lam="np.exp(eta)", y="rng.poisson(lam.mean(), 600)"):
                {ETA: "the intercept is missing", LAM: "it does not follow from eta", Y: "as if all had the same mean"},
            counts(eta="lam", lam="lam.round()", y="rng.binomial(1, 0.5, 600)"):
                {ETA: "eta comes before the link", LAM: "it does not follow from eta", Y: "as from a Bernoulli distribution"},
            counts(eta="eta + rng.normal(0, .3, 600)", y="lam.round()"):
                {ETA: "no error term", LAM: "it does not follow from eta", Y: "scatter less than Poisson counts do"},
            counts(eta="1 - x / 2", lam="expit(1 - x / 2)", y="rng.poisson(lam)"):
                {ETA: "look at the sign of the slope", LAM: "the inverse of the log is asked for", Y: "are not those of the column lam"},
            "pd.DataFrame({'x': [1.0, 2.0], 'eta': [1.5, 2.0]})":
                {ETA: "at least 500 are asked for", LAM: "there is no column 'lam'", Y: "there is no column 'lam'"},
            "[1, 2]": dict.fromkeys([ETA, LAM, Y], "is a list, not a table"),
        }),
    "impossible_predictions": Answers(
        right=["np.sum((line - 0.5).abs() > 0.5)", "(line != line.clip(0, 1)).sum()", "len(line[line > 1]) + len(line[line < 0])"],
        wrong={
            "(line < 0).sum()": "those above 1 count, too",
            "((line > 1) | (line < 0.5)).sum()": "a prediction below 0.5 is possible",
            "len(line)": "this counts all trials",
            "((line >= 0) & (line <= 1)).sum()": "that are possible: count the others",
            "cohort.load_crowding().Size[(line < 0) | (line > 1)].nunique()": "this counts different sizes",
            "(line < 0) | (line > 1)": "values where one is asked for",
        }),
    "dispersion": Answers(
        right=["counts_fit.pearson_chi2 / counts_fit.df_resid", "(counts_fit.resid_pearson**2).sum() / (len(words) - 2)",
               "((words.Words - counts_fit.fittedvalues)**2 / counts_fit.fittedvalues).sum() / 238"],
        wrong={
            "counts_fit.pearson_chi2": "divide it by the residual degrees of freedom",
            "counts_fit.deviance / counts_fit.df_resid": "take Pearson's chi-square",
            "words.Words.var() / words.Words.mean()": "what practice explains is still in it",
            "counts_fit.df_resid / counts_fit.pearson_chi2": "upside down",
            "counts_fit.scale": "it is assumed, not estimated",
            "np.sqrt(counts_fit.pearson_chi2 / counts_fit.df_resid)": "this is the root",
        }),
    "sigma_parameters": Answers(
        right=["4 * 5 // 2", "len(np.triu_indices(4)[0])", "4 + 6"],
        wrong={
            "16": "a covariance stands in it twice",
            "4": "these are the variances: their covariances",
            "6": "these are the covariances",
            "14": "these are the parameters of the whole model",
            "40": "they are drawn, not parameters",
        }),
    "crossed_parameters": Answers(
        right=["4", "3 + 1", "2 * 3 / 2 + 1"],
        wrong={
            "6": "by-item and by-subject deviations covary",
            "3": "items have a variance too",
            "5": "count the symmetric matrix once",
            "9": "these are the cells of a 3 by 3 matrix",
            "2": "two is the number of grouping factors",
        }),
    "my_trials": Answers(
        right=[
            trials(subject="[f's{j}' for j in who]", y="rng.random(2000) < p"),
            "rows = []\nfor j in range(200):\n"
            "    own = rng.normal(scale=0.5)\n    for x in rng.uniform(-1, 1, 10):\n"
            "        p = expit(0.5 + own + 1.2 * x)\n"
            "        rows.append({'subject': j, 'b': own, 'x': x, 'eta': 0.5 + own + 1.2 * x, 'p': p, 'y': rng.binomial(1, p)})\n"
            "pd.DataFrame(rows)",
            trials(p="np.exp(eta) / (1 + np.exp(eta))") + ".sample(frac=1, random_state=1)",
        ],
        wrong={
            trials(b="rng.normal(0, .5, 2000)", eta="0.5 + 1.2 * x", p="eta", y="p"):
                {B: "it changes within a subject", ETA: "the deviations b are missing in it", P: "it does not follow from eta", Y: "0 or 1"},
            trials(eta="0.5 + 1.2 * x", p="expit(0.5 + 1.2 * x) + b"):
                {ETA: "the deviations b are missing", P: "the deviations were added after the link", Y: "some p lie outside 0 to 1"},
            trials(b="b + 0.5", eta="b + 1.2 * x", p="np.exp(b + 1.2 * x)", y="rng.binomial(1, 0.5, 2000)"):
                {B: "its mean is not 0", ETA: "it is not the linear predictor", P: "these are odds", Y: "mend p first"},
            trials(b="0.0", eta="1.2 + 0.5 * x", p="expit(-1.2 - 0.5 * x)", y="rng.binomial(1, 0.5, 2000)"):
                {B: "it is the same for all subjects", ETA: "intercept and slope are exchanged", P: "these are the probabilities of a 0",
                 Y: "tosses of a fair coin"},
            trials(b="b / 2", eta="expit(0.5 + b / 2 + 1.2 * x)", p="p", y="(p > 0.5) * 1"):
                {B: "not for a variance", ETA: "eta comes before the link", P: "it does not follow from eta", Y: "each is the likelier outcome"},
            trials(subject="who // 2", eta="0.5 + b - 1.2 * x", p="expit(0.5 - 1.2 * x) + b", y="rng.binomial(1, expit(eta - 3 * b)) * 2"):
                {B: "200 subjects with 10 rows", ETA: "look at the sign of the slope", P: "the deviations were added after the link",
                 Y: "0 or 1"},
            "pd.DataFrame({'subject': who, 'b': 'x'})":
                {B: "holds something that is not a number", ETA: "there is no column 'x'", P: "there is no column 'x'",
                 Y: "there is no column 'x'"},
        }),
    "typical_person": Answers(
        right=["m.predict(pd.DataFrame({'Size': [high]}), re='population')", "expit(here)", "1 / (1 + np.exp(-here))"],
        wrong={
            "here": "these are log-odds",
            "np.exp(here)": "these are odds",
            "expit(here + b).mean()": "this is the average over persons",
            "expit(b0)": "this is for the mean size",
            "expit(b0 + b1 * high)": "it counts from the mean size",
            "expit(b0 + b1 * (low - mean_size))": "this is for the 5th percentile",
        }),
    "average_person": Answers(
        right=["z, w = np.polynomial.hermite_e.hermegauss(40)\nw @ expit(here + 2 * z) / w.sum()",
               "expit(here + b).mean()",
               "from scipy.stats import norm\nnp.mean([expit(here + norm.ppf(q, scale=2)) for q in (np.arange(999) + .5) / 999])"],
        wrong={
            "expit(here)": "this is the typical person (b = 0)",
            "here": "these are log-odds",
            "expit(here + 2)": "one standard deviation above the typical one",
            "(expit(here - 2) + expit(here + 2)) / 2": "this averages two persons",
            "expit(here + 2 * b).mean()": "you drew with the variance",
            "expit(here - 2)": "one standard deviation below the typical one",
        }),
    "sentence_a": sentence("wrong", "statsmodels' scale and R's sigma()"),
    "sentence_b": sentence("wrong", "they need a cumulative model"),
    "sentence_c": sentence("right", "they have the variance that goes with the mean"),
    "sentence_d": sentence("right", "nothing more connects them"),
    "sentence_e": sentence("wrong", "the person with average log-odds"),
    "sentence_f": sentence("right", "the sign for independence"),
    "gap_grouping": Answers(right=['"by"', '"By"'], wrong={'"for"': "'for' goes with a predictor"}),
    "gap_predictor": Answers(right=['"for"', '"For "'], wrong={'"by"': "'by' goes with a grouping factor"}),
    "count_factor": Answers(
        right=["counts_fit.params.apply(np.exp)['Practice']", "np.divide(*counts_fit.predict(pd.DataFrame({'Practice': [2, 1]})))",
               "1 + np.expm1(rate)"],
        wrong={
            "rate": "adding into multiplying",
            "1 + rate": "only roughly exp(x)",
            "np.exp(rate) - 1": "this is the growth; the factor is 1 more",
            "np.exp(counts_fit.params['Intercept'])": "before any practice",
            "expit(rate)": "counts have a log link",
            "10**rate": "take exp, not a power of ten",
        }),
    "largest_change": Answers(
        right=["b1 / 4", "b1 * 0.5 * (1 - 0.5)",
               "grid = np.linspace(0, 6, 60_001)\n"
               "np.diff(m.predict(pd.DataFrame({'Size': grid}), re='population')).max() / (grid[1] - grid[0])"],
        wrong={
            "b1": "what is left of it in probabilities",
            "4 * b1": "you multiplied by four",
            "b1 / 2": "you halved it",
            "np.exp(b1)": "this is the factor for the odds",
            "expit(b1)": "the inverse link of a slope has no meaning",
            "expit(b0 + b1) - expit(b0)": "this is the change over one arcmin from the mean size",
        }),
    "accuracy_at_5th": accuracy("first", "last", "low", "min"),
    "accuracy_at_95th": accuracy("last", "first", "high", "max"),
}
