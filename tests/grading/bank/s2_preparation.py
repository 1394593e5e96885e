"""Section 2: what students type."""

from .students import Answers

SECRETS = ("s2.larger_condition", "1 + 3")

BEFORE = {"q1": "size = crowding.Size\nmeans = size.groupby(crowding.Condition, observed=True).mean()\n"}

ANSWERS = {
    "mean_size_arcmin": Answers(
        right=["size.sum() / len(size)", "np.average(crowding['Size'])"],
        wrong={
            "size.mean() / 60": "this is in degrees; arcmin are asked for here",
            "size.median()": "this is the median",
            "f'{size.mean():.2f} arcmin'": "give the number alone, without quotes, unit or words",
            "np.mean(size.unique())": "you averaged the different sizes",
            "size": "values where one is asked for",
        }),
    "mean_size_degrees": Answers(
        right=["size.mean() / 60", "(size / 60).mean()"],
        wrong={
            "60 * size.mean()": "you multiplied by 60",
            "round(size.mean(), 1) / 60": "round only the last result",
            "size.mean() / 360": "a degree has 60 arcmin",
            "np.deg2rad(size.mean() / 60)": "this is in radians",
        }),
    "larger_digits_when": Answers(
        right=["means.idxmax()", '"crowded"'],
        wrong={"means.idxmin()": "which is larger?", "means.max()": "not a text"}),
    "level_before": Answers(
        right=["4", "1 + 3 * 1"],
        wrong={
            "2": "goes on from what the one before it left",
            "3": "level did not begin at 0",
            "5": "run three times, not four",
            "2**3": "adds one, it does not double",
            '"four"': "give the number alone",
        }),
    "level_after": Answers(
        right=["2", "1 + 1"],
        wrong={
            "4": "a restart forgets everything",
            "5": "this goes on from before the restart",
            "1": "Run All runs the second one, too",
            "0": "a restart leaves no variables, but then all cells are run",
            "3": "Run All runs every cell once",
        }),
    "deleted_definition": Answers(
        right=['"not defined"', '"Not  defined"'],
        wrong={'"right"': "a fresh run has never heard of it"}),
    "what_is_graded": Answers(
        right=['"a fresh run"', '" A fresh run "'],
        wrong={
            '"the screen"': "thrown away before the notebook is graded",
            '"the last run"': "is not in the file",
        }),
}
