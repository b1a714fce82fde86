"""Parameters of y = a x + b fitted to five points by eager gradient descent; the loss and the line as a picture."""

import sys
from pathlib import Path

import matplotlib

import symgrad as sg

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # after the choice of what draws

X, Y = [1, 2, 3, 4, 5], [3, 5, 7, 9, 11]


def fit(epochs, rate=0.01):
    """Return a, b and the loss of each epoch, from a = b = 1."""
    x, y = sg.tensor(X, dtype=sg.float), sg.tensor(Y, dtype=sg.float)
    a = sg.tensor([1], dtype=sg.float, requires_grad=True)
    b = sg.tensor([1], dtype=sg.float, requires_grad=True)
    losses = []
    for _ in range(epochs):
        loss = ((a * x + b - y) ** 2).mean()
        if a.grad is not None and b.grad is not None:
            a.grad.zero_()
            b.grad.zero_()
        loss.backward()
        with sg.no_grad():
            a.data -= rate * a.grad
            b.data -= rate * b.grad
        losses.append(loss.item())
    return a.item(), b.item(), losses


def draw(a, b, losses, picture):
    """Save the falling loss, and the line with the points."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), constrained_layout=True)
    left.semilogy(losses)
    left.set(title="mean squared error", xlabel="epoch", ylabel="loss")
    right.scatter(X, Y, label="data", zorder=2)
    right.plot([0, 6], [b, 6 * a + b], color="0.4", label=f"{a:.3f} x + {b:.3f}")
    right.set(title="the line found", xlabel="x", ylabel="y")
    right.legend()
    figure.savefig(picture, dpi=130)
    plt.close(figure)


def main(folder="."):
    a, b, losses = fit(100)
    for epoch in range(10, 101, 10):
        print(f"Epoch [{epoch}/100], Loss: {losses[epoch - 1]:.4f}")
    print(f"a: {a}, b: {b}")
    assert (a, b) == (1.9492162466049194, 1.1833451986312866)  # to the last bit what PyTorch 2.13 prints
    a, b, losses = fit(500)
    print(f"after 500 epochs a: {a}, b: {b}")
    assert (a, b) == (1.986896276473999, 1.0473089218139648)
    picture = Path(folder) / "fit_a_line.png"
    draw(a, b, losses, picture)
    print(f"picture in {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:])
