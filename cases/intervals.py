"""How sure a figure is: where it would lie in 95 of 100 samples like this one.

Decimals of 28 digits and no chance: the same counts give the same interval to the last digit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations

# 95 % of the normal distribution lie within so many standard deviations.
Z = Decimal("1.959963984540054")
DIGITS = 28
NOUGHT, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class Part:
    """One share of a weighted sum, with its own interval; all from 0 to 1."""

    weight: Fraction
    share: Fraction
    low: Decimal
    high: Decimal


def wilson(share: Fraction, n: int) -> tuple[Decimal, Decimal]:
    """Wilson's score interval of a share of `n`, from 0 to 1 (Wilson 1927). n: 1 or more."""
    with localcontext() as context:
        context.prec = DIGITS
        p = decimal(share)
        z2 = Z * Z / n
        middle, spread = p + z2 / 2, Z * ((p * (1 - p) + z2 / 4) / n).sqrt()
        low, high = (middle - spread) / (1 + z2), (middle + spread) / (1 + z2)
        return max(low, NOUGHT) if share else NOUGHT, min(high, ONE)


@dataclass(frozen=True)
class Group:
    """Shares that have to do with one another. `related`: Pearson's r of the parts at two places."""

    parts: Sequence[Part]
    related: Callable[[int, int], Decimal]


def of_sum(*groups: Group) -> tuple[Decimal, Decimal]:
    """The interval of the weighted sum of several shares, by the method of variance estimates
    recovery: what is between each share and its own limit stands for the spread on that side, and the
    spreads are added up as variances are, with what the parts have in common.

        low  = S - sqrt(sum of r_ij w_i (p_i - l_i) w_j (p_j - l_j))
        high = S + sqrt(sum of r_ij w_i (u_i - p_i) w_j (u_j - p_j))

    Zou, Huang and Zhang (2009), "A note on confidence interval estimation for a linear function of
    binomial proportions", Computational Statistics & Data Analysis 53, 1080-1085; the correlation of
    shares over the same answers as Newcombe (1998), Statistics in Medicine 17, 2635-2650, puts it in.
    Parts of different groups are taken to have nothing in common: r is 0.
    """
    with localcontext() as context:
        context.prec = DIGITS
        whole = decimal(sum((a.weight * a.share for one in groups for a in one.parts), Fraction()))
        below = sum((_variance(one, [_below(a) for a in one.parts]) for one in groups), NOUGHT)
        above = sum((_variance(one, [_above(a) for a in one.parts]) for one in groups), NOUGHT)
        return max(whole - below.sqrt(), NOUGHT), min(whole + above.sqrt(), ONE)


def correlation(n: int, sums: tuple[Fraction, Fraction], products: tuple[Fraction, ...]) -> Decimal:
    """Pearson's of two values over `n` answers. sums: of each; products: of the first with itself, the
    second with itself, and both. Where one of them never differs nothing is known: 1, which makes the
    interval of a sum widest."""
    (a, b), (aa, bb, ab) = sums, products
    spreads = (n * aa - a * a) * (n * bb - b * b)
    if not spreads:
        return ONE
    with localcontext() as context:
        context.prec = DIGITS
        found = decimal(n * ab - a * b) / decimal(spreads).sqrt()
        return max(-ONE, min(found, ONE))


def decimal(value: Fraction) -> Decimal:
    """The same number with as many digits as the context has."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def _below(part: Part) -> Decimal:
    return decimal(part.weight) * max(decimal(part.share) - part.low, NOUGHT)


def _above(part: Part) -> Decimal:
    return decimal(part.weight) * max(part.high - decimal(part.share), NOUGHT)


def _variance(group: Group, sides: Sequence[Decimal]) -> Decimal:
    own = sum((side * side for side in sides), NOUGHT)
    pairs = combinations(range(len(sides)), 2)
    common = sum((group.related(i, j) * sides[i] * sides[j] for i, j in pairs), NOUGHT)
    return max(own + 2 * common, NOUGHT)
