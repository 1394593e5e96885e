"""The catalogue of section 6: its questions and every mistake they know."""

from every_section import *  # noqa: F403

from glmmlib.teaching.exercises import s6_subjects as s6


def right_answers():
    m = s6.reference()
    own, modes = m.coef["Subject"]["(Intercept)"], m.ranef["Subject"]["(Intercept)"]
    uncrowded, crowded = m.thresholds().query("Subject == '2'").threshold
    return {
        s6.subject_9_intercept: own["9"],
        s6.subject_9_minus_subject_8: own["9"] - own["8"],
        s6.subject_9_minus_population: modes["9"],
        s6.new_subject_intercept: m.fixef["(Intercept)"],
        s6.subject_2_threshold_uncrowded: uncrowded,
        s6.subject_2_threshold_crowded: crowded,
        s6.subject_2_threshold_difference: crowded - uncrowded,
    }


NUMBERS = {
    "subject_9_intercept": 6, "subject_9_minus_subject_8": 3, "subject_9_minus_population": 3, "new_subject_intercept": 2,
    "subject_2_threshold_uncrowded": 8, "subject_2_threshold_crowded": 8, "subject_2_threshold_difference": 4,
}
PREDICTIONS = [s6.predicted_moved_furthest]
