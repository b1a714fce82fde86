"""Fit NIST's Misra1a data with SciPy and the native Jacobian, to at least 9 of the 11 certified digits.

Data, model and certified values: NIST/ITL Statistical Reference Datasets, nonlinear regression, Misra1a
(D. Misra, Dental Research Monomolecular Adsorption Study, 1978); the file beside this one is theirs.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

import symgrad as sg

CERTIFIED = np.array([2.3894212918e02, 5.5015643181e-04])
CERTIFIED_SUM_OF_SQUARES = 1.2455138894e-01
STARTS = ([500.0, 0.0001], [250.0, 0.0005])


def load():
    """Return the observations y[14], x[14]."""
    return np.loadtxt(Path(__file__).with_name("Misra1a.dat"), skiprows=60, unpack=True)


@sg.compile
def residuals(b, x, y):
    """y = b1 (1 - exp(-b2 x)) + e; expm1 keeps the digits that 1 - exp loses."""
    return -b[0] * np.expm1(-b[1] * x) - y


def digits(found, certified):
    """Return how many decimal digits agree, the least over all numbers."""
    return float(np.min(-np.log10(np.abs(found - certified) / np.abs(certified) + 1e-17)))


def main():
    y, x = load()
    for start in STARTS:
        fit = least_squares(
            residuals, start, jac=residuals.jacobian, args=(x, y), method="lm", x_scale="jac", ftol=1e-15, xtol=1e-15, gtol=1e-15
        )
        agree = digits(fit.x, CERTIFIED)
        squares = 2 * fit.cost
        print(f"from {start}: b1 = {fit.x[0]:.10e}, b2 = {fit.x[1]:.10e}, sum of squares {squares:.10e}")
        print(f"  certified digits: {agree:.1f}, of the sum of squares {digits(squares, CERTIFIED_SUM_OF_SQUARES):.1f}")
        assert agree >= 9
        assert digits(squares, CERTIFIED_SUM_OF_SQUARES) >= 9


if __name__ == "__main__":
    main()
