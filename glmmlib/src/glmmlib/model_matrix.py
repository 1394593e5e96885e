"""R's model.matrix: the terms of a formula and data become columns with R's names, in R's order.

formulaic reads the algebra of terms (`*`, `:`, `/`, `^`, `.`) and brings the transforms, with what
they remember of the fitted data (means, knots), and the codings of factors. Here its parts are put
together as R does it; a variable is evaluated once, however many terms use it.

One difference from R: in `0 + x + x:f` the factor has its contrasts, as x is there already; R gives
it all its levels, and so one column too many.
"""

import ast
import re
import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor
from formulaic.transforms import TRANSFORMS
from formulaic.transforms import contrasts as codings
from formulaic.utils.stateful_transforms import stateful_eval

from .columns import Frame, codes_in, label, require_finite
from .errors import DataError, FormulaError

CODINGS = {
    "treatment": codings.TreatmentContrasts, "sum": codings.SumContrasts,
    "helmert": codings.HelmertContrasts, "poly": codings.PolyContrasts,
    "sas": codings.SASContrasts, "diff": codings.DiffContrasts,
}


@dataclass(frozen=True)
class CodedFactor:
    """What `C(x, coding)` gives: categories that bring their own coding."""

    values: pd.Categorical
    coding: object


def _C(data, contrasts=None, levels=None):
    """A factor, as R's factor(x), with its coding as in R's C(x, contr.sum)."""
    values = data.values if isinstance(data, CodedFactor) else data
    values = values if isinstance(values, pd.Categorical) and levels is None else pd.Categorical(values, levels)
    return CodedFactor(values, contrasts)


# What formulas may call. Left out of formulaic's are those that do not repeat on new data, or not
# on arrays; a natural spline is cr(x, df=4, constraints="center").
FUNCTIONS = {
    **{name: function for name, function in TRANSFORMS.items() if name not in ("hashed", "lag", "Q")},
    **{name: getattr(np, name) for name in (
        "abs", "ceil", "cos", "expm1", "floor", "log1p", "maximum", "minimum", "round", "sign", "sin",
        "sqrt", "tan", "where")},
    "C": _C, "factor": _C, "c": lambda *values: list(values), "cbind": lambda *columns: np.column_stack(columns),
    "ifelse": np.where,
    "TRUE": True, "FALSE": False, "NULL": None, "pi": np.pi,
}


# --- variables: what a formula makes of columns ----------------------------------------------

@dataclass(eq=False)
class Variable:
    """`x` or `log(x + 1)`: how to evaluate it, and what is remembered of the fitted data.

    name : as R prints it.
    aliases : alias -> column of the data; the code calls columns by their aliases.
    code : Python expression; None for a column as it is.
    state : what transforms such as center() remember.
    levels : (L,) for a factor, else None.
    suffixes : full -> what follows the name in each column's name.
    matrices : full -> (L + 1, k) values of each level, and NaN for a missing one.
    """

    name: str
    aliases: dict[str, str]
    code: str | None
    state: dict = field(default_factory=dict)
    levels: pd.Index | None = None
    suffixes: dict[bool, tuple[str, ...]] = field(default_factory=dict)
    matrices: dict[bool, np.ndarray] = field(default_factory=dict)

    @property
    def columns(self):
        """The data's columns that it is made of."""
        return list(self.aliases.values())

    def evaluate(self, frame):
        """Its values: (rows, k) floats, a (rows,) pandas Categorical, or a CodedFactor."""
        columns = {alias: frame[name] for alias, name in self.aliases.items()}
        if self.code is None:
            (values,) = columns.values()
        else:
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    values = stateful_eval(self.code, {**FUNCTIONS, **columns}, {}, self.state, None)
            except Exception as error:  # whatever a transform may raise
                raise FormulaError(
                    f"The formula's '{self.name}' cannot be computed: {_first_line(error)}") from None
        return _as_columns(values, self.name, len(frame.data))

    def fit(self, frame, coding=None):
        """Learn levels and columns from the data; returns the values that `coded` takes."""
        values = self.evaluate(frame)
        if isinstance(values, CodedFactor):
            values, coding = values.values, values.coding if coding is None else coding
        if not isinstance(values, pd.Categorical):
            if coding is not None:
                raise DataError(
                    f"contrasts names '{self.name}', which is numeric: make it text or categorical first.")
            require_finite(values, self.name)
            k = values.shape[1]
            self.suffixes[True] = self.suffixes[False] = ("",) if k == 1 else tuple(str(i + 1) for i in range(k))
            return values
        outside, *present = np.bincount(values.codes + 1, minlength=len(values.categories) + 1)
        if outside:
            raise DataError(
                f"'{self.name}' has none of its levels in {outside} rows: name all levels, or leave those rows out.")
        present = np.array(present) > 0
        self.levels = values.categories[present]
        if len(self.levels) < 2:
            raise DataError(
                f"The predictor '{self.name}' has the same value in every row, so its effect cannot "
                "be estimated: remove it from the formula.")
        for full in (True, False):
            matrix, self.suffixes[full] = _coding(coding, self.levels, values.categories, full, self.name)
            self.matrices[full] = np.vstack([matrix, np.full(matrix.shape[1], np.nan)])
        return (np.cumsum(present) - 1)[values.codes] if not present.all() else np.asarray(values.codes)

    def values_for(self, frame):
        """The values that `coded` takes, for new data."""
        missing = np.zeros(len(frame.data), dtype=bool)
        for name in self.columns:
            if name not in frame.data:
                raise DataError(f"The new data lack the column '{name}' that the formula uses: add it.")
            missing |= frame.data[name].isna().to_numpy()
        if missing.any() or frame.data.empty:
            # Neither kind nor transform can be told from rows that miss something.
            values = (np.full((len(missing), len(self.suffixes[True])), np.nan) if self.levels is None
                      else np.full(len(missing), -1))
            if not missing.all():
                values[~missing] = self.values_for(Frame(frame.data[~missing]))
            return values
        values = self.evaluate(frame)
        values = values.values if isinstance(values, CodedFactor) else values
        if (self.levels is None) == isinstance(values, pd.Categorical):
            raise DataError(
                f"'{self.name}' was {'numeric' if self.levels is None else 'categorical'} in the fitted data but "
                "is not in the new data: make it so.")
        if self.levels is None:
            return values
        codes = codes_in(self.levels, values)
        unseen = (codes < 0) & (values.codes >= 0)
        if unseen.any():
            raise DataError(
                f"{self.name} '{label(values[unseen][0])}' was not in the fitted data, so its effect is unknown; "
                f"the levels are: {', '.join(map(label, self.levels))}.")
        return codes

    def coded(self, values, full):
        """(rows, k) columns: of a factor all levels (full) or its contrasts."""
        return values if self.levels is None else self.matrices[full][values]


def read_variable(text, names) -> Variable:
    """A variable from its text, for data with these column names.

    A dot may be part of a column's name, any name may stand in backticks, and ^ is a power.
    """
    quoted = []

    def as_python(match):
        if match[1] is not None:
            quoted.append(match[1])
            return f"quoted__{len(quoted) - 1}"
        return "**" if match[0] == "^" else match[0]

    source = re.sub(r"""`([^`]*)`|'[^']*'|"[^"]*"|\^""", as_python, text)
    try:
        tree = ast.parse(source, mode="eval")
    except SyntaxError:
        raise FormulaError(f"The formula's '{text}' cannot be read: check its parentheses and operators.") from None
    named = ast.unparse(tree)
    for pattern, replacement in ((r" \*\* ", "^"), (r" / ", "/"), (r"(?<![=!<> ])=(?!=)", " = "), ("'", '"')):
        named = re.sub(pattern, replacement, named)
    named = re.sub(r"quoted__(\d+)", lambda match: quoted_name(quoted[int(match[1])]), named)
    finder = _ColumnFinder(text, set(names), quoted)
    body = finder.visit(tree).body
    plain = isinstance(body, ast.Name) and body.id in finder.aliases
    return Variable(named, finder.aliases, None if plain else ast.unparse(body))


def quoted_name(name):
    """A column's name as R prints it: in backticks unless it is a word."""
    return name if re.fullmatch(r"[^\W\d][\w.]*", name) else f"`{name}`"


class _ColumnFinder(ast.NodeTransformer):
    """Gives the columns in an expression aliases, so that they never collide with functions."""

    def __init__(self, text, names, quoted):
        self.text, self.names, self.quoted, self.aliases = text, names, quoted, {}

    def alias(self, name):
        known = {column: alias for alias, column in self.aliases.items()}
        alias = known.get(name, f"column__{len(known)}")
        self.aliases[alias] = name
        return ast.Name(alias, ast.Load())

    def visit_Call(self, node):
        function = ast.unparse(node.func)
        if not re.fullmatch(r"[\w.]+", function) or function.split(".")[0] not in FUNCTIONS:
            raise FormulaError(
                f"The formula's '{self.text}' uses '{function}', which is not among the functions that "
                "formulas know: make it a column of the data first.")
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        return node

    def visit_Attribute(self, node):
        name = ast.unparse(node)
        if name in self.names or name.split(".")[0] not in FUNCTIONS:
            return self.alias(name)
        return node

    def visit_Name(self, node):
        if match := re.fullmatch(r"quoted__(\d+)", node.id):
            return self.alias(self.quoted[int(match[1])])
        return node if node.id in FUNCTIONS and node.id not in self.names else self.alias(node.id)


def _as_columns(values, name, rows):
    """The value of an expression as (rows, k) floats, a pandas Categorical, or a CodedFactor."""
    values = getattr(values, "__wrapped__", values)  # formulaic's transforms wrap what they return
    if isinstance(values, CodedFactor):
        return values
    if isinstance(values, dict):
        values = np.column_stack([np.broadcast_to(v, rows) for v in values.values()])
    if not isinstance(values, pd.Categorical):
        values = np.asarray(values)
        if values.dtype == bool and values.ndim == 1:
            values = pd.Categorical.from_codes(values.astype(np.int8), [False, True])
        elif values.dtype.kind in "iuf":
            values = np.atleast_1d(values.astype(float, copy=False))
            values = values[:, None] if values.ndim == 1 else values
        else:
            values = pd.Categorical(np.atleast_1d(values).ravel())
    if len(values) != rows:
        raise FormulaError(
            f"The formula's '{name}' gives {len(values)} values for {rows} rows: it must give one for each.")
    return values


def _coding(coding, levels, categories, full, name):
    """(L, k) values of each level and (k,) suffixes of the columns' names, as R has them."""
    labels = [label(level) for level in levels]
    if full:
        return np.eye(len(levels)), tuple(labels)
    if isinstance(coding, dict) and coding:
        columns = [_named_contrast(values, contrast, levels, categories, name) for contrast, values in coding.items()]
        return np.column_stack(columns), tuple(map(str, coding))
    scheme, *base = coding if isinstance(coding, tuple) else (coding or "treatment",)
    if isinstance(scheme, str):
        scheme = CODINGS.get(scheme.lower().removeprefix("contr."))
    try:
        scheme = scheme(*base) if isinstance(scheme, type) else scheme
        matrix = np.asarray(scheme.get_coding_matrix(levels.tolist(), reduced_rank=True), dtype=float)
    except (AttributeError, TypeError, ValueError):
        raise DataError(
            f"The coding {coding!r} of {name} is not known: choose one of {', '.join(map(repr, CODINGS))}, "
            f"('treatment', base) with one of the levels {', '.join(labels)}, or name contrasts as in "
            "{'b.vs.a': {'a': -0.5, 'b': 0.5}}.") from None
    if isinstance(scheme, codings.DiffContrasts):
        return matrix, tuple(f"{b}-{a}" for a, b in zip(labels, labels[1:]))
    if isinstance(scheme, (codings.SumContrasts, codings.HelmertContrasts)):
        return matrix, tuple(str(i + 1) for i in range(matrix.shape[1]))
    return matrix, tuple(map(label, scheme.get_coding_column_names(levels.tolist(), reduced_rank=True)))


def _named_contrast(values, contrast, levels, categories, name):
    """(L,) the contrast's value of each level."""
    known = isinstance(values, dict) and set(levels) <= set(values) <= set(categories)
    numbers = pd.to_numeric(pd.Series([values[level] for level in levels] if known else [None]), errors="coerce")
    if not np.isfinite(numbers).all():
        raise DataError(
            f"The contrast '{contrast}' must give a number for each level of {name}: "
            f"{{{', '.join(f'{level!r}: ...' for level in levels.tolist())}}}.")
    return numbers.to_numpy(dtype=float)


# --- terms: products of variables ------------------------------------------------------------

def read_sides(sides, formula, names, others):
    """The terms of each side of a formula, and its variables by R's name.

    A side is the fixed part, or what stands left of a bar; its terms are tuples of variables, ()
    for the intercept. Equal variables are one, whatever the side.
    names : the data's columns; `.` stands for them without the others.
    """
    read, variables = {}, {}
    for side in dict.fromkeys(sides):
        read[side] = []
        for texts in _read_terms(side, formula, [name for name in names if name not in others]):
            term = (read_variable(text, names) for text in texts)
            read[side].append(tuple(variables.setdefault(v.name, v) for v in term))
    return read, variables


def _read_terms(text, formula, available):
    """The texts of the variables of each term. Terms go by degree, and variables in the order of
    the text, as in R."""
    try:
        terms = Formula(text, _context={
            "__formulaic_variables_available__": available, "__formulaic_variables_used_lhs__": []})
    except (FormulaicError, SyntaxError) as error:
        raise FormulaError(f"The formula '{formula}' cannot be read at '{text}': {_first_line(error)}") from None
    position = {}
    for term in terms:
        for factor in term.factors:
            if factor.eval_method is Factor.EvalMethod.LITERAL and factor.expr != "1":
                raise FormulaError(
                    f"The formula '{formula}' multiplies by {factor.expr}: write I({factor.expr} * x) instead.")
            here = factor.token.source_start if factor.token else None
            position[factor] = min(position.get(factor, np.inf), np.inf if here is None else here)
    return [
        tuple(f"`{f.expr}`" if f.eval_method is Factor.EvalMethod.LOOKUP else f.expr
              for f in sorted(term.factors, key=position.get) if f.expr != "1")
        for term in terms]


@dataclass(frozen=True)
class ModelMatrix:
    """How to make the columns of one side of a formula.

    terms : for each, (variable, full) of its factors: full when a factor's levels each have a
        column, instead of its contrasts.
    names : (p,) as R has them.
    """

    terms: tuple[tuple[tuple[Variable, bool], ...], ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, terms):
        """From the fitted variables of each term."""
        chosen, spanned, names = [], [], []
        for term in terms:
            # R's rule: contrasts where the terms before already span the product without this factor.
            factors = tuple((v, not _spans(spanned, [w for w in term if w is not v])) for v in term)
            chosen.append(factors)
            spanned.append(term)
            names += _product_names(factors)
        return cls(tuple(chosen), tuple(names))

    @property
    def variables(self):
        return {variable.name: variable for term in self.terms for variable, _ in term}

    @property
    def content(self):
        """Equal for matrices of one formula that have the same columns."""
        return tuple(tuple((variable.name, full) for variable, full in term) for term in self.terms)

    def columns(self, values, rows):
        """(rows, p) from the values of each variable by its name; NaN where one is missing."""
        out, start, coded = np.empty((rows, len(self.names))), 0, {}
        for term in self.terms:
            product = np.ones((1, 1))  # the intercept
            for i, (variable, full) in enumerate(term):
                key = variable.name, full
                if key not in coded:
                    coded[key] = variable.coded(values[variable.name], full)
                # the first factor's columns vary fastest
                if i == 0:
                    product = coded[key]
                    continue
                with np.errstate(over="ignore"):  # the caller asks for finite columns
                    product = product[:, None, :] * coded[key][:, :, None]
                product = product.reshape(rows, product.shape[1] * product.shape[2])
            out[:, start:start + product.shape[1]] = product
            start += product.shape[1]
        return out

    def columns_for(self, data):
        """(rows, p) for new data; NaN in rows that miss a variable."""
        frame = Frame(data)
        return self.columns({name: v.values_for(frame) for name, v in self.variables.items()}, len(data))


def _spans(spanned, margin):
    """Whether some term before contains the margin and, beyond it, factors only."""
    return any(
        all(any(v is w for w in term) for v in margin)
        and all(w.levels is not None or any(v is w for v in margin) for w in term)
        for term in spanned)


def _product_names(factors):
    names = [""] if factors else ["(Intercept)"]
    for variable, full in factors:
        names = [f"{name}:{variable.name}{suffix}" if name else variable.name + suffix
                 for suffix in variable.suffixes[full] for name in names]
    return names


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]
