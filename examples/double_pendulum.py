"""A double pendulum: equations of motion from the Lagrangian by SymPy, compiled, and energy held over a minute."""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp

import symgrad as sg

GRAVITY, LENGTHS, MASSES = 9.81, (1.0, 1.0), (1.0, 1.0)  # m/s^2, m, kg
SECONDS = 60.0


def equations():
    """Return the state symbols (angles, angular velocities), its rate of change, and the energy in joules."""
    t = sp.Symbol("t")
    angles = [sp.Function(f"theta{k}")(t) for k in (1, 2)]
    rates = [a.diff(t) for a in angles]
    kinetic = potential = x = y = sp.Integer(0)
    for angle, length, mass in zip(angles, LENGTHS, MASSES, strict=True):
        x, y = x + length * sp.sin(angle), y - length * sp.cos(angle)
        kinetic += mass * (x.diff(t) ** 2 + y.diff(t) ** 2) / 2
        potential += mass * GRAVITY * y
    lagrangian = kinetic - potential
    euler_lagrange = [(lagrangian.diff(v).diff(t) - lagrangian.diff(a)).expand() for a, v in zip(angles, rates, strict=True)]
    accelerations = sp.solve(euler_lagrange, [a.diff(t, 2) for a in angles])
    names = dict(zip(rates, sp.symbols("w1 w2"), strict=True)) | dict(zip(angles, sp.symbols("a1 a2"), strict=True))
    state = [names[s] for s in (*angles, *rates)]
    motion = [*rates, *[accelerations[a.diff(t, 2)] for a in angles]]
    return state, sp.Matrix([m.subs(names) for m in motion]), (kinetic + potential).subs(names)


def draw(times, states, energies, path):
    """Save the path of the lower bob and the relative change of the energy."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    a1, a2 = states[0], states[1]
    x, y = np.sin(a1) + np.sin(a2), -np.cos(a1) - np.cos(a2)
    left.scatter(x, y, c=times, s=1, cmap="viridis")
    left.set(title="path of the lower bob", xlabel="x in m", ylabel="y in m", aspect="equal")
    right.plot(times, energies / energies[0] - 1, lw=0.8)
    right.set(title="relative change of the energy", xlabel="t in s")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(folder="."):
    state, motion, energy = equations()
    rate = sg.compile(motion.reshape(4, 1), args=[state])
    total = sg.compile(energy, args=[state])
    start = np.array([2.0, 2.5, 0.0, 0.0])
    times = np.linspace(0.0, SECONDS, 6001)
    found = solve_ivp(lambda _, s: rate(s)[:, 0], (0.0, SECONDS), start, "DOP853", times, rtol=1e-12, atol=1e-12)
    energies = np.array([total(s) for s in found.y.T])
    drift = np.max(np.abs(energies / energies[0] - 1))
    # dE/dt along the motion is exactly zero: the gradient of the energy is orthogonal to the motion
    slope = max(abs(total.grad(s) @ rate(s)[:, 0]) for s in found.y.T[::100])
    path = Path(folder) / "double_pendulum.png"
    draw(found.t, found.y, energies, path)
    print(f"{found.nfev} evaluations over {SECONDS:.0f} s; energy {energies[0]:.6f} J held to {drift:.1e}")
    print(f"largest dE/dt along the motion: {slope:.1e} W; picture in {path}")
    assert drift < 1e-9
    assert slope < 1e-10


if __name__ == "__main__":
    main(*sys.argv[1:])
