"""The minimum of y = x**2 by gradient descent with eager tensors, and a picture of how it gets there."""

import sys
from pathlib import Path

import matplotlib
import numpy as np

import symgrad as sg

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # after the choice of what draws


def descend(epochs=50, rate=0.1):
    """Return the path of (x, y) from x = 3: x after each step, y before it."""
    x = sg.tensor([3.0], requires_grad=True, dtype=sg.float)
    path = []
    for _ in range(epochs):
        y = x**2
        if x.grad is not None:
            x.grad.zero_()
        y.backward()
        with sg.no_grad():
            x.data -= rate * x.grad
        path.append((x.item(), y.item()))
    return path


def draw(found, picture):
    """Save the parabola with the points of the descent."""
    figure, axes = plt.subplots(figsize=(7, 4.5), constrained_layout=True)
    line = np.linspace(-3.2, 3.2, 200)
    axes.plot(line, line**2, color="0.6", lw=1, label="y = x²")
    x = np.array([3.0] + [a for a, _ in found[:-1]])  # each y belongs to the x before the step
    points = axes.scatter(x, [b for _, b in found], c=range(len(found)), cmap="viridis", s=24, zorder=2)
    figure.colorbar(points, label="epoch")
    axes.set(title="gradient descent from x = 3", xlabel="x", ylabel="y")
    axes.legend()
    figure.savefig(picture, dpi=130)
    plt.close(figure)


def main(folder="."):
    found = descend()
    for epoch in (0, 1, 2, 49):
        print("epoch:", epoch, "x:", found[epoch][0], "y:", found[epoch][1])
    picture = Path(folder) / "minimum_of_a_function.png"
    draw(found, picture)
    print(f"picture in {picture}")
    assert found[0] == (2.4000000953674316, 9.0)  # to the last bit what PyTorch 2.13 prints
    assert found[49] == (4.2817431676667184e-05, 2.864582127060089e-09)


if __name__ == "__main__":
    main(*sys.argv[1:])
