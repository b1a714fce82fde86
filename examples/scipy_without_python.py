"""SciPy's integrators, solvers and optimisers on an exported module: native functions and exact Jacobians."""

import tempfile

import numpy as np
from scipy.integrate import nquad, quad, solve_ivp
from scipy.optimize import least_squares

import symgrad as sg


def bell(x, sharpness):
    return np.exp(-sharpness * x * x)


def ball(x, y, z):
    return np.sqrt(1 - x * x - y * y + 0 * z)


def reaction(t, y):
    """Robertson's stiff chemical reaction."""
    first, second = 0.04 * y[0], 1e4 * y[1] * y[2]
    third = 3e7 * y[1] ** 2
    return np.stack([second - first, first - second - third, third])


def residuals(beta, x, y):
    """Misra1a of NIST: beta_1 (1 - exp(-beta_2 x)) - y."""
    return beta[0] * (1 - np.exp(-beta[1] * x)) - y


X = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0])
Y = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78])


def main():
    spec = sg.TensorSpec
    specs = {
        "bell": [spec()] * 2, "ball": [spec()] * 3, "reaction": [spec(), spec((3,))],
        "residuals": [spec((2,)), spec(("n",)), spec(("n",))],
    }  # fmt: skip
    functions = {
        "bell": bell, "ball": ball, "residuals": residuals, "reaction": reaction,
        "slopes": sg.jacobian(reaction, argnums=1),
    }  # fmt: skip
    specs["slopes"] = specs["reaction"]
    with tempfile.TemporaryDirectory() as folder:
        chem = sg.load(sg.export(functions, specs=specs, name="chem", directory=folder, derivatives={"residuals": ["jacobian"]}))

    area, _ = quad(chem.bell.low_level(), -np.inf, np.inf, args=(2.0,))  # no Python runs while it integrates
    print(f"the area under the bell: {area:.15f}")
    assert abs(area - np.sqrt(np.pi / 2)) < 1e-12

    edges = [lambda y, z: (-np.sqrt(1 - y * y), np.sqrt(1 - y * y)), (-1.0, 1.0), (0.0, 2.0)]
    volume, _ = nquad(chem.ball.low_level(), edges)
    print(f"a half ball, twice: {volume:.10f}")
    assert abs(volume - 4 * np.pi / 3) < 1e-6

    solution = solve_ivp(chem.reaction, (0, 40), [1.0, 0.0, 0.0], method="BDF", jac=chem.slopes, rtol=1e-8, atol=1e-10)
    print(f"the reaction after 40 s: {solution.y[:, -1]}, {solution.nfev} evaluations")
    np.testing.assert_allclose(solution.y[:, -1], [0.7158270688, 9.185534765e-6, 0.2841637457], rtol=1e-5)

    settings = {"x_scale": "jac", "xtol": 1e-15, "ftol": 1e-15}
    fit = least_squares(chem.residuals, [500.0, 1e-4], jac=chem.residuals_jacobian, args=(X, Y), **settings)
    print(f"Misra1a: {fit.x}, {fit.njev} Jacobians")
    np.testing.assert_allclose(fit.x, [238.94212918, 5.5015643181e-4], rtol=1e-7)


if __name__ == "__main__":
    main()
