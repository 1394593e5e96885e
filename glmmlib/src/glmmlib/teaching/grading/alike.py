"""Submissions too alike to be independent: what only few of a class share, or the same words.

Right answers, known misconceptions and the usual line of code are shared by many and say nothing.
What counts is

- own words: texts of which most runs of three words are the same, whatever was handed out left out;
- code (comments, blanks and line ends aside) and wrong answers that no known misconception explains,
  as long as few of the class have them. What k of n students have is shared by chance the less the
  smaller k / n, so it counts log2(n / k), and a pair is named from `MOST_BY_CHANCE` up. In a class of
  300 that is four things that nobody else has, in one of 30 seven.

A pair is a reason to look, not a proof: log2(n / k) would be bits only if answers were independent of
one another. In classes whose data differ, the commonness of an answer is to be counted among those with
the same data; give `Handed` that field, and `_few` a count for each value of it.
"""

import io
import re
import tokenize
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from math import log2

LONGEST = 20_000        # characters of a text or a cell that are looked at
FEWEST_RUNS = 8         # of three words; a shorter text may be the same by chance
SAME_WORDS = 0.6        # of the runs that either text has
FEWEST_TOKENS = 12      # of code; `half = total / 2` has five
FEW = 4                 # students, or a twentieth of the class
MOST_BY_CHANCE = 25     # sum of log2(n / k)


@dataclass
class Handed:
    """What one student handed in, as far as it can tell: {place: content} of each kind.

    ``words`` are sets of `runs_of_words`, ``code`` tuples of `code_tokens`, ``wrong`` texts of answers.
    """

    student: str
    words: dict = field(default_factory=dict)
    code: dict = field(default_factory=dict)
    wrong: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """Two students whose submissions are alike.

    ``words`` are (place, share of runs in common), ``code`` and ``wrong`` the places where both have
    what only few have; ``weight`` is what pairs are ordered by.
    """

    students: tuple
    words: tuple
    code: tuple
    wrong: tuple
    weight: float


def runs_of_words(text):
    """The runs of three words in a text, upper and lower case, marks and blanks aside."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text[:LONGEST]).casefold())
    return frozenset(zip(words, words[1:], words[2:]))


def code_tokens(source):
    """The tokens of a cell's code without comments, blanks and line ends; never raises."""
    # tokens, not a syntax tree: a student's code may be nested deeper than a parser stands
    beside = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    try:
        return tuple(token.string for token in tokenize.generate_tokens(io.StringIO(source[:LONGEST]).readline)
                     if token.type not in beside)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return tuple(re.findall(r"\w+|[^\w\s]", source[:LONGEST]))


def alike(class_):
    """The Pairs among the `Handed` of a class, the most alike first."""
    few_code, few_wrong = _few(class_, "code"), _few(class_, "wrong")
    pairs = []
    for one, other in combinations(class_, 2):
        words = tuple((place, share) for place in one.words if place in other.words
                      and (share := _share(one.words[place], other.words[place])) >= SAME_WORDS)
        code, code_weight = _shared(one.code, other.code, few_code)
        wrong, wrong_weight = _shared(one.wrong, other.wrong, few_wrong)
        # not their sum: a wrong answer mostly comes of the code beside it
        weight = max(code_weight, wrong_weight)
        if words or weight >= MOST_BY_CHANCE:
            pairs.append(Pair((one.student, other.student), words, code, wrong,
                              weight + MOST_BY_CHANCE * sum(share for _, share in words)))
    return sorted(pairs, key=lambda pair: (-pair.weight, pair.students))


def _share(runs, others):
    together = len(runs | others)
    return len(runs & others) / together if min(len(runs), len(others)) >= FEWEST_RUNS else 0.0


def _few(class_, kind):
    """What few of the class have: {(place, content): log2(n / k)}."""
    counts = Counter(item for handed in class_ for item in getattr(handed, kind).items())
    n = len(class_)
    return {item: log2(n / k) for item, k in counts.items() if 2 <= k <= max(FEW, n / 20)}


def _shared(one, other, few):
    shared = [item for item in one.items() if item in few and other.get(item[0]) == item[1]]
    return tuple(place for place, _ in shared), sum(few[item] for item in shared)
