"""Minimise Rosenbrock's function by Newton's method with the native gradient and Hessian."""

import numpy as np

import symgrad as sg


@sg.compile
def rosenbrock(x):
    """Rosenbrock's valley; its minimum is 0 at x = (1, ..., 1)."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def newton(function, x, tolerance=1e-12, steps=100):
    """Return the minimum and the number of steps; a step is halved until the value falls."""
    for count in range(steps):
        value, gradient = function.value_and_grad(x)
        if np.max(np.abs(gradient)) < tolerance:
            return x, count
        hessian = function.hessian(x)
        curvature = np.linalg.eigvalsh(hessian)[0]
        shift = max(0.0, 1e-3 - curvature)  # keeps the step downhill where the valley curves the wrong way
        step = np.linalg.solve(hessian + shift * np.eye(x.size), -gradient)
        length = 1.0
        while function(x + length * step) > value and length > 1e-10:
            length /= 2
        x = x + length * step
    raise RuntimeError(f"no minimum after {steps} steps")


def main():
    for start in (np.array([-1.2, 1.0]), np.zeros(10)):
        minimum, steps = newton(rosenbrock, start)
        print(f"from {start}: {steps} steps, f = {rosenbrock(minimum):.1e}")
        print("  x =", np.array2string(minimum, precision=12))
        np.testing.assert_allclose(minimum, np.ones(start.size), atol=1e-12)
    print("the Hessian, compiled:", rosenbrock.hessian.report(start), sep="\n")


if __name__ == "__main__":
    main()
