"""Section 8: what students type."""

from .students import Answers

SECRETS = ("pins_as_asked", "generator_means", "said = ")

BEFORE = {
    "pins": """\
names = ["glmmlib", "formulaic", "numpy", "pandas", "scipy", "threadpoolctl"]
table = pd.DataFrame({"package": names, "version": [metadata.version(name) for name in names]})
""",
    "seeds": "rng = np.random.default_rng(8)\nfirst, second = rng.normal(size=(2, 20))\n",
}

PACKAGES, VERSIONS = "packages", "versions"
SAME = {
    "np.random.RandomState(8).normal(size=20).mean()": "NumPy's old generator",
    "np.random.default_rng(0).normal(size=20).mean()": "what the seed 0 gives",
    "0": "the mean of the distribution",
}


def enough(right, words):
    other = {"yes": "no", "no": "yes"}[right]
    return Answers(right=[repr(right), repr(right.upper())], wrong={repr(other): words, '"perhaps"': "none of the options"})


ANSWERS = {
    "pins": Answers(
        right=[
            "table",
            'gl.session_info().loc["packages"].loc[names].reset_index().set_axis(["package", "version"], axis=1)',
            "import re\nneeded = [re.match(r'[\\w-]+', line)[0] for line in metadata.requires('glmmlib') if 'extra' not in line]\n"
            "pd.DataFrame([(name, metadata.version(name)) for name in ['glmmlib', *needed]], columns=['package', 'version'])",
        ],
        wrong={
            "table.assign(version=['0.0.1', '1.0', '2', '3', '1', '4'], package=names[:5] + ['matplotlib'])":
                {PACKAGES: "threadpoolctl is missing", VERSIONS: "ask the computer, not your memory"},
            "table.iloc[1:].assign(version=lambda t: t.package + '==' + t.version)":
                {PACKAGES: "glmmlib itself is missing", VERSIONS: "without name and ="},
            "pd.concat([table, table]).assign(version='>=1.0')": {PACKAGES: "is named twice", VERSIONS: "is a range"},
            "table.rename(columns={'package': 'name'})":
                {PACKAGES: "call the one with the names package", VERSIONS: "two columns are asked for"},
            "table.iloc[:-1].assign(version=lambda t: t.version.str.partition('.')[0])":
                {PACKAGES: "threadpoolctl is missing", VERSIONS: "only the beginning"},
            "pd.concat([table, table[:1].assign(package='statsmodels')]).assign(version=1.1)":
                {PACKAGES: "leave it out here", VERSIONS: "versions are text"},
            "gl.session_info": dict.fromkeys([PACKAGES, VERSIONS], "call it, with ( )"),
        }),
    "first_mean": Answers(
        right=["first.mean()", "np.mean(np.random.default_rng(8).standard_normal(20))",
               "r = np.random.Generator(np.random.PCG64(8))\nsum(r.normal() for _ in range(20)) / 20"],
        wrong={
            **SAME,
            "first.sum()": "this is the sum of the numbers",
            "np.random.default_rng(8).random(20).mean()": "these numbers are uniform",
            "first.std()": "this is the standard deviation",
        }),
    "second_mean": Answers(
        right=["second.mean()", "np.random.default_rng(8).normal(size=40)[20:].mean()",
               "r = np.random.default_rng(8)\nr.normal(size=20)\nr.normal(size=20).mean()"],
        wrong={
            "np.random.default_rng(8).normal(size=20).mean()": "you made the generator anew",
            "np.random.default_rng(8).normal(size=40).mean()": "the mean of all 40 numbers",
            "np.random.RandomState(8).normal(size=40)[20:].mean()": "NumPy's old generator",
            "np.random.default_rng(1).normal(size=40)[20:].mean()": "what the seed 1 gives",
            "np.random.default_rng(8).random(40)[20:].mean()": "these numbers are uniform",
            "second": "holds 20 values",
        }),
    "third_mean": Answers(
        right=["np.random.default_rng(8).normal(size=20).mean()", "first.mean()",
               "np.random.Generator(np.random.PCG64(8)).normal(size=20).mean()"],
        wrong={
            "np.random.default_rng(8).normal(size=40)[20:].mean()": "make a new generator first",
            "rng.normal(size=20).mean()": "went on to its third 20 numbers",
            **SAME,
            "np.median(first)": "this is the median",
        }),
    "draws_for_a_tenth": Answers(
        right=["1000 * 10**2", "1e5", '"100000"'],
        wrong={
            "10_000": "about 3",
            "100": "times how many draws",
            "20_000": "twice ten is not ten squared",
            "round(1000 * np.sqrt(10))": "the root belongs to the spread",
            "1000": "these are the draws there were",
            "'a lot'": "without quotes, unit or words",
        }),
    "enough_formula": enough("yes", "the formula stands there"),
    "enough_family": enough("yes", "that is said"),
    "enough_coding": enough("no", "decides the sign"),
    "enough_version": enough("no", "another one next year"),
    "enough_data": enough("no", "which file this was"),
    "enough_draws": enough("no", "another seed"),
}
