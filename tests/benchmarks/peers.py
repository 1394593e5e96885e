"""One fit by one peer in a process of its own: `python peers.py <peer> <formula> <family> <csv>`.

Prints a line of JSON: seconds of the whole call from table to estimates with standard errors,
loglik, beta, version, and megabytes of memory that the call added at its peak. The data are loaded
and the peer has fitted a small part of them before the clock starts.
"""

import json
import resource
import sys
import time
import warnings

import pandas as pd


def fit_glmmlib(formula, family, data):
    import glmmlib as gl

    m = gl.glmer(formula, data, family)
    m.se
    return m.loglik, list(m.fixef), f"{m.fit.evaluations} evaluations"


def fit_glmm(formula, family, data):
    import glmm

    m = glmm.fit(data, formula, family)
    return m.loglik, list(m.beta), "" if m.converged else "says it did not converge"


def fit_mixedlm(formula, family, data):
    import mixedlm

    families = {"binomial": mixedlm.families.Binomial, "poisson": mixedlm.families.Poisson}
    m = mixedlm.glmer(formula, data, family=families[family]())
    return m.logLik().value, [float(v) for v in m.fixef().values()], ""


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
    return -m.get_current_neg_log_likelihood(), list(m.get_coef().to_numpy()[0]), ""


def fit_statsmodels(formula, family, data):
    raise NotImplementedError("has no maximum likelihood for GLMMs (variational Bayes only)")


PEERS = {name.removeprefix("fit_"): function for name, function in dict(globals()).items() if name.startswith("fit_")}


def version(peer):
    from importlib.metadata import version as installed

    return installed(peer)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(peer, formula, family, csv):
    warnings.simplefilter("ignore")
    data = pd.read_csv(csv)
    try:
        for warm in (data.iloc[::max(len(data) // 2000, 1)], data):
            before, start = peak(), time.perf_counter()
            try:
                loglik, beta, note = PEERS[peer](formula, family, warm)
            except NotImplementedError:
                raise
            except Exception:
                if warm is data:
                    raise
                continue  # a part of the data may be too little for a fit
            seconds = time.perf_counter() - start
        answer = {"seconds": seconds, "loglik": float(loglik), "beta": [float(b) for b in beta], "note": note,
                  "memory": peak() - before, "version": version(peer)}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:150] if str(error) else ''}"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
