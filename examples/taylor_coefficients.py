"""Taylor coefficients to order 8 by sg.derivative, against what is known of them."""

import math

import numpy as np

import symgrad as sg

ORDER = 8

KNOWN = {  # the coefficients at 0, from the series in any handbook
    "exp(x)": (sg.exp, [1 / math.factorial(k) for k in range(ORDER + 1)]),
    "1/(1-x)": (lambda x: 1 / (1 - x), [1.0] * (ORDER + 1)),
    "tan(x)": (sg.tan, [0, 1, 0, 1 / 3, 0, 2 / 15, 0, 17 / 315, 0]),
    "log(1+x)": (sg.log1p, [0.0] + [(-1) ** (k + 1) / k for k in range(1, ORDER + 1)]),
    "x/(exp(x)-1)": (lambda x: 1 / (1 + _rest(x)), [1, -1 / 2, 1 / 12, 0, -1 / 720, 0, 1 / 30240, 0, -1 / 1209600]),
    "sqrt(1+x)": (lambda x: sg.sqrt(1 + x), [math.prod(0.5 - j for j in range(k)) / math.factorial(k) for k in range(ORDER + 1)]),
}


def _rest(x):
    """Return (exp(x) - 1 - x) / x as its own series, which has no 0/0 at 0."""
    total, term = 0.0, 1.0
    for k in range(2, ORDER + 3):
        term = term * x / k
        total = total + term
    return total


def main():
    for name, (fn, known) in KNOWN.items():
        compiled = [sg.compile(sg.derivative(fn, k)) for k in range(ORDER + 1)]
        coefficients = [float(f(0.0)) / math.factorial(k) for k, f in enumerate(compiled)]
        print(f"{name:>13}: " + "  ".join(f"{c:+.6f}" for c in coefficients))
        np.testing.assert_allclose(coefficients, known, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(sg.taylor(fn, ORDER)(0.0), known, rtol=1e-12, atol=1e-15)


if __name__ == "__main__":
    main()
