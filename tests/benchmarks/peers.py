"""One fit by one peer in a process of its own: `python peers.py <peer> <formula> <family> <csv>`.

Prints a line of JSON: seconds of the whole call from table to estimates with standard errors,
loglik, beta, covariances of the random effects by grouping factor, version, and megabytes of memory that
the call added at its peak. The data are loaded and the peer has fitted a small part of them before the
clock starts.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd


def fit_glmmlib(formula, family, data):
    import glmmlib as gl

    m = gl.glmer(formula, data, family)
    assert m.se is not None  # computed only when asked for
    return m.loglik, m.fixef, {block.group: Lambda @ Lambda.T for block, Lambda in zip(m.design.blocks, m.fit.Lambdas)}, \
        f"{m.fit.evaluations} evaluations"


def fit_glmm(formula, family, data):
    import glmm

    m = glmm.fit(data, formula, family)
    covariances = {}
    for (group, columns), packed in zip(m.re_groups, m.varcorr):  # the lower triangle, column by column
        upper = np.zeros((len(columns), len(columns)))
        upper[np.triu_indices(len(columns))] = packed
        covariances[group] = upper + np.triu(upper, 1).T
    return m.loglik, m.beta, covariances, "" if m.converged else "says it did not converge"


def fit_mixedlm(formula, family, data):
    import mixedlm

    families = {"binomial": mixedlm.families.Binomial, "poisson": mixedlm.families.Poisson}
    m = mixedlm.glmer(formula, data, family=families[family]())
    covariances = m.VarCorr()
    return m.logLik().value, list(m.fixef().values()), {group: covariances.get_cov(group) for group in covariances.groups}, ""


def fit_gpboost(formula, family, data):
    import gpboost

    fixed, _, random = formula.partition("~")[2].partition("(")
    names = [name.strip() for name in fixed.split("+") if name.strip() not in ("1", "")]
    X = data[names].to_numpy(float)
    X = pd.DataFrame(X).assign(one=1.0)[["one", *range(len(names))]].to_numpy()
    terms = [term.split("|") for term in random.replace(")", "").replace("+ (", "(").split("(")]
    if "||" in formula or any(len([p for p in t[0].split("+") if p.strip()]) > 1 for t in terms) and len(terms) > 1:
        raise NotImplementedError("uncorrelated or several random slopes are not translated")
    groups = [term[-1].strip() for term in terms]
    slopes = [name.strip() for name in terms[0][0].split("+") if name.strip() not in ("1", "")]
    if slopes:
        raise NotImplementedError("gpboost's random slopes are independent: another model")
    likelihood = {"binomial": "bernoulli_logit", "poisson": "poisson"}[family]
    m = gpboost.GPModel(group_data=data[groups], likelihood=likelihood)
    m.fit(y=data["y"].to_numpy(float), X=X)
    variances = m.get_cov_pars().to_numpy().ravel()
    return (-m.get_current_neg_log_likelihood(), m.get_coef().to_numpy()[0],
            {group: [[variance]] for group, variance in zip(groups, variances)}, "")


def fit_statsmodels(formula, family, data):
    raise NotImplementedError("has no maximum likelihood for GLMMs (variational Bayes only)")


PEERS = {name.removeprefix("fit_"): function for name, function in dict(globals()).items() if name.startswith("fit_")}


def version(peer):
    from importlib.metadata import version as installed

    return installed(peer)


def memory(name):
    """Megabytes in use (VmRSS) or in use at most since `forget_peak` (VmHWM); NaN unless on Linux.

    (getrusage's peak begins with that of the process that started this one, and never forgets.)
    """
    if sys.platform != "linux":
        return float("nan")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def forget_peak():
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")


def main(peer, formula, family, csv):
    warnings.simplefilter("ignore")
    data = pd.read_csv(csv)
    try:
        for warm in (data.iloc[::max(len(data) // 2000, 1)], data):
            forget_peak()
            before, start = memory("VmRSS"), time.perf_counter()
            try:
                loglik, beta, covariances, note = PEERS[peer](formula, family, warm)
            except NotImplementedError:
                raise
            except Exception:
                if warm is data:
                    raise
                continue  # a part of the data may be too little for a fit
            seconds = time.perf_counter() - start
        answer = {"seconds": seconds, "loglik": float(loglik), "beta": np.asarray(beta, dtype=float).tolist(),
                  "covariances": {group: np.asarray(S, dtype=float).tolist() for group, S in covariances.items()}, "note": note,
                  "memory": memory("VmHWM") - before, "version": version(peer)}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:150] if str(error) else ''}"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
