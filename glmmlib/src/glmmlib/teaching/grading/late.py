"""Points taken away for handing in late, by the rule in nbgrader_config.py."""

import math

from nbgrader.plugins import BasePlugin
from traitlets import Float


class LatePenalty(BasePlugin):
    """For every day begun after the grace period, a share of the points earned.

    nbgrader asks it when a submission has a timestamp.txt that lies after the assignment's due date
    (set in the formgrader).
    """

    per_day = Float(0.0, min=0, max=1, help="Share of the points earned that a day costs.").tag(config=True)
    most = Float(1.0, min=0, max=1, help="Largest share that can be lost.").tag(config=True)
    grace_hours = Float(0.0, min=0, help="Hours after the due date that cost nothing.").tag(config=True)

    def late_submission_penalty(self, student_id, score, total_seconds_late):
        """The points to take from `score`."""
        days = math.ceil((total_seconds_late - 3600 * self.grace_hours) / 86400)
        return score * min(self.most, self.per_day * max(0, days))
