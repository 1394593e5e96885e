"""Section 4: what students type."""

from .students import Answers

SECRETS = ("s4.reference", "smallest_cell", "flaws =")

CHANCE = "1 / crowding.ResponseExpected.nunique()"
BEFORE = {
    "q3": """\
names = {"Crowded": "Condition", "Answer": "ResponseExpected", "Correct": "ResponseCorrect",
         "Response Time": "ResponseTime", "Performance": "Size.AvgPerformance"}
of_subject = ["Threshold", "DiffusionConstant", "Area", "Span", "Speed", "Curvature"]
raw, ready = cohort.load_crowding(raw=True), cohort.load_crowding()
""",
    "q7": """\
mine = crowding.query("Subject == '1' and Condition == 'uncrowded'")
rows = mine[mine.Size == mine.Size.min()].ResponseCorrect
k, n = rows.sum(), len(rows)
""",
    "q8": """\
of = {c: crowding[crowding.Condition == c].groupby("Subject", observed=True) for c in ("crowded", "uncrowded")}
x, y = of["crowded"].Size.mean(), of["crowded"]["Threshold.Subj"].first()
""",
}

NAMES, ORDER, CONTENTS, FACTORS = "names of the columns", "order of the columns", "contents", "factors"
NAMES_FIRST = "the names come first"

FLAWS = {"unit": "its units, if it has any, fit", "other quantity": "it speaks of the quantity it means",
         "level": "what varies between subjects and what within them", "confounded":
             "two things that always change together",
         "no criterion": "the decisive number left out", "nothing": "it looks sound at first sight, but it is not"}


def draft(flaw):
    return Answers(right=[repr(flaw), repr(flaw.capitalize())], wrong={repr(f): FLAWS[f] for f in FLAWS if f != flaw})


ANSWERS = {
    "draft_a": draft("unit"), "draft_b": draft("other quantity"), "draft_c": draft("level"),
    "draft_d": draft("confounded"), "draft_e": draft("no criterion"), "draft_f": draft("nothing"),
    "chance_level": Answers(
        right=[CHANCE, "0.25", "(crowding.ResponseExpected.unique()[0] == crowding.ResponseExpected.unique()).mean()"],
        wrong={
            "1 / 2": "this is chance with two alternatives",
            "0.1": "there are ten digits, but not all of them were shown",
            "crowding.ResponseExpected.nunique()": "this is the number of alternatives",
            "25": "in percent",
            "crowding.ResponseCorrect.mean()": "this is what subjects achieved",
            "3 / 4": "this is how often a guess is wrong",
        }),
    "halfway": Answers(
        right=[f"({CHANCE} + 1) / 2", "0.25 + 0.75 / 2", "np.mean([0.25, 1])"],
        wrong={
            "0.5": "this is halfway between 0 and 1",
            "0.75 / 2": "half the distance from chance to perfection",
            "0.125": "this lies halfway between 0 and chance",
            "0.75": "this is the whole distance from chance to 1",
            "62.5": "in percent",
            "1 / 4": "this is the chance level itself",
        }),
    "renamed": Answers(
        right=[
            "ready",
            "made = raw.rename(columns=lambda n: n + '.Subj' if n in of_subject else n).rename(columns=names)\n"
            "made.columns = [n.replace('Trial ', '') for n in made]\n"
            "made = made[list(crowding)]\n"
            "made['Condition'] = made.Condition.astype('category').cat.reorder_categories(['uncrowded', 'crowded'])\n"
            "made['Subject'] = made.Subject.astype('category')\n"
            "made",
            "made = pd.DataFrame({n: raw[{**{new: old for old, new in names.items()}, **{n + '.Subj': n for n in of_subject},\n"
            "    **{n: 'Trial ' + n for n in ('Curvature', 'Speed', 'Span')}}.get(n, n)].to_numpy() for n in crowding})\n"
            "made['Condition'] = pd.Categorical(made.Condition, ['uncrowded', 'crowded'], ordered=True)\n"
            "made['Subject'] = pd.Categorical(made.Subject.astype(str), [str(j) for j in range(1, 11)])\n"
            "made",
        ],
        wrong={
            "raw":
                {NAMES: "still has its raw name", ORDER: NAMES_FIRST, CONTENTS: "is not there", FACTORS: "could not be looked at"},
            "raw.rename(columns=names).rename(columns=lambda n: n.removeprefix('Trial '))":
                {NAMES: "two columns are called", ORDER: NAMES_FIRST, CONTENTS: "is not there", FACTORS: "not categorical yet"},
            "made = ready.assign(Condition=ready.Condition.astype(str).astype('category'),\n"
            "    Subject=ready.Subject.astype(str).astype('category'))\n"
            "made[sorted(made)].rename(columns=str.lower)":
                {NAMES: "capitals and small letters differ", ORDER: NAMES_FIRST, CONTENTS: "is not there",
                 FACTORS: "could not be looked at"},
            "made = ready.assign(Condition=ready.Condition.astype(str).astype('category'))\nmade[sorted(made)]":
                {ORDER: "the order of the alphabet", FACTORS: "the first level of Condition is 'crowded'"},
            "ready.dropna()[list(ready)[::-1]].drop(columns='Span')":
                {NAMES: "Span is missing", ORDER: NAMES_FIRST, CONTENTS: "drop nothing"},
            "ready.rename(columns=lambda n: 'Subj.' + n.removesuffix('.Subj') if n.endswith('.Subj') else n).astype({'Subject': str})":
                {NAMES: "comes last, not first", ORDER: NAMES_FIRST, CONTENTS: "is not there", FACTORS: "not categorical yet"},
            "made = ready.assign(**{'Speed.Subj': ready.Speed, 'Subject': ready.Subject.astype(str).astype('category')})\n"
            "made[list(made)[::-1]]":
                {ORDER: "varies least quickly comes first", CONTENTS: "takes many values", FACTORS: "the order of the alphabet"},
            "ready.assign(Response=ready.ResponseTime, Condition=pd.Categorical([None] * len(ready), ['Uncrowded', 'Crowded']),\n"
            "    trial=range(len(ready)))":
                {NAMES: "no name from the rules", ORDER: NAMES_FIRST, CONTENTS: "changed places", FACTORS: "every Condition is missing"},
        }),
    "level_of_threshold": Answers(
        right=['"subject and condition"', '" Subject and Condition"'],
        wrong={
            '"subject"': "takes more than one value",
            '"subject, condition and size"': "does a coarser grouping do as well?",
            '"trial"': "is repeated, unchanged, in many rows",
            '"condition"': "none of the options",
        }),
    "level_of_performance": Answers(
        right=['"subject, condition and size"', '"Subject, condition  and size"'],
        wrong={
            '"subject"': "takes more than one value",
            '"subject and condition"': "is there exactly one",
            '"trial"': "is repeated, unchanged, in many rows",
        }),
    "level_of_speed": Answers(
        right=['"trial"', '"TRIAL"'],
        wrong={
            '"subject"': "takes more than one value",
            '"subject and condition"': "is there exactly one",
            '"subject, condition and size"': "is there exactly one",
            '"trials"': "none of the options",
        }),
    "misfiled": Answers(
        right=['"Condition"', 'crowding.columns[1]'],
        wrong={
            '"Subject"': "rightly at the level of subjects",
            '"Threshold.Subj"': "made once for each subject and condition",
            '"Area.Subj"': "made once for each subject and condition",
            '"Span.Subj"': "made once for each subject and condition",
            '"Speed.Subj"': "made once for each subject and condition",
            '"Curvature.Subj"': "made once for each subject and condition",
            '"DiffusionConstant.Subj"': "made once for each subject and condition",
        }),
    "distinct_thresholds": Answers(
        right=['len(crowding[["Subject", "Condition"]].drop_duplicates())', "crowding.Subject.nunique() * crowding.Condition.nunique()"],
        wrong={
            "len(crowding)": "this is the number of rows",
            "crowding.Subject.nunique()": "the number of subjects",
            "crowding.Condition.nunique()": "the number of conditions",
            "crowding.groupby(['Subject', 'Condition', 'Size'], observed=True).ngroups":
                "this is how many sizes were shown",
        }),
    "n_trials": Answers(
        right=["crowding.shape[0]", "crowding.ResponseCorrect.count()", "crowding.groupby('Subject', observed=True).size().sum()"],
        wrong={
            "crowding.size": "rows times columns",
            "len(crowding.dropna())": "rows without a Speed are trials too",
            "crowding.ResponseCorrect.sum()": "these are the correct trials only",
            "len(crowding) + 1": "the line with the names of the columns is no trial",
            "crowding.shape": "holds 2 values",
            "crowding.count": "call it, with ( )",
        }),
    "share_correct": Answers(
        right=["np.average(crowding.ResponseCorrect)", "(crowding.Response == crowding.ResponseExpected).sum() / len(crowding)"],
        wrong={
            "100 * crowding.ResponseCorrect.mean()": "in percent",
            "(crowding.ResponseCorrect == 0).mean()": "this is the share of errors",
            "crowding.groupby(['Subject', 'Condition', 'Size'], observed=True).ResponseCorrect.mean().mean()":
                "you averaged the averages",
            "crowding.ResponseCorrect.std()": "this is the standard deviation",
            "crowding.ResponseCorrect.sum()": "this is how many were correct",
        }),
    "median_response_s": Answers(
        right=["np.median(crowding.ResponseTime / 1000)", "crowding[['ResponseTime']].quantile(0.5) / 1000"],
        wrong={
            "crowding.ResponseTime.median()": "in milliseconds",
            "crowding.ResponseTime.mean() / 1000": "this is the mean",
            "crowding.ResponseTime.median() / 60": "you divided by 60",
            "crowding.ResponseTime.median() / 100": "a second has 1000 milliseconds",
        }),
    "n_missing_speeds": Answers(
        right=["np.isnan(crowding.Speed).sum()", "len(crowding) - crowding.Speed.count()", "(lost >= 0.5).sum()"],
        wrong={
            "(crowding.Speed == np.nan).sum()": "NaN equals nothing",
            "crowding.Speed.count()": "these are the trials that have a Speed",
            "crowding.Speed.isna().count()": "sum it up instead of counting its entries",
            "(lost > 0).sum()": "not all of them lack Speed",
            "crowding.Speed.isna().mean()": "this is a proportion",
            "crowding.Speed.isna()": "values where one is asked for",
        }),
    "n_trials_with_loss": Answers(
        right=["np.count_nonzero(lost)", "len(lost) - (lost == 0).sum()"],
        wrong={
            "(lost >= 0.5).sum()": "lost half or more",
            "(lost == 0).sum()": "in which nothing was lost",
            "len(lost)": "these are all trials",
            "(lost > 0).mean()": "this is a proportion",
        }),
    "why_missing": Answers(
        right=['"lost gaze"', '"Lost Gaze"'],
        wrong={
            '"small digit"': "small digits were shown with Speed and without",
            '"wrong answer"': "right and wrong ones both occur without Speed",
            '"slow answer"': "slow answers have a Speed as well",
            '"crowded display"': "uncrowded trials lack it too",
        }),
    "smallest_share": Answers(
        right=["rows.mean()", "mine.sort_values('Size')['Size.AvgPerformance'].iloc[0]",
               "mine.groupby('Size').ResponseCorrect.mean().iloc[0]"],
        wrong={
            "k": "this is a number of trials",
            "1 - rows.mean()": "this is the share of errors",
            "100 * rows.mean()": "in percent",
            "mine.ResponseCorrect.mean()": "over all sizes",
            "mine.Size.min()": "this is the size in arcmin",
            "crowding[crowding.Size == crowding.Size.min()].ResponseCorrect.mean()": "this is the smallest size of all",
        }),
    "guessing_p_value": Answers(
        right=["binom.cdf(k, n, 0.25)", "sum(binom.pmf(j, n, 0.25) for j in range(k + 1))",
               "from scipy.stats import binomtest\nbinomtest(int(k), n, 0.25, alternative='less').pvalue"],
        wrong={
            "binom.pmf(k, n, 0.25)": "exactly as many",
            "binom.cdf(k - 1, n, 0.25)": "this is the probability of fewer",
            "binom.sf(k - 1, n, 0.25)": "the other tail",
            "binom.cdf(k, n, 0.5)": "you took 0.5 for chance",
            "k / n": "this is the share that was correct",
            "1 - binom.cdf(k, n, 0.25)": "the other tail",
        }),
    "size_threshold_correlation": Answers(
        right=["np.corrcoef(x, y)[0, 1]", "x.corr(y)", "from scipy.stats import pearsonr\npearsonr(x, y)[0]"],
        wrong={
            "crowding.Size.corr(crowding['Threshold.Subj'])": "one row per subject, crowded only",
            "of['uncrowded'].Size.mean().corr(of['uncrowded']['Threshold.Subj'].first())":
                "this is the uncrowded condition",
            "x.corr(y, method='spearman')": "correlation of ranks",
            "x.cov(y)": "this is the covariance",
            "x.corr(y)**2": "correlation squared",
            "x.corr(of['crowded'].ResponseCorrect.mean())": "this is with the share correct",
            "np.corrcoef(x, y)": "holds 4 values",
        }),
    "larger_digits_go_to": Answers(
        right=['"weaker subjects"', '"weaker subjects" if x.corr(y) > 0 else "stronger subjects"'],
        wrong={
            '"stronger subjects"': "a high threshold means",
            '"nobody in particular"': "the correlation would be near zero",
        }),
}

TOGETHER = [{"chance_level": ("0.5", 0, "chance with two alternatives"),
             "halfway": ("0.75", 1, "halfway follows rightly from your chance_level")}]
