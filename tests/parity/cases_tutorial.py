"""Every example of the tutorial, word for word; what it prints is compared to the last digit."""

from __future__ import annotations

from .harness import case, raises


class Plot:
    """Stands for pyplot: says what is drawn."""

    def plot(self, x, y):
        print("plot", len(x), len(y))

    def scatter(self, x, y):
        print("scatter", len(x), len(y))

    def show(self):
        print("show")


plt = Plot()


@case(3, bits=True)
def example_1_2_leaves(torch):
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x ** 2
    z = y.sum()

    print(x.is_leaf)
    print(y.is_leaf)
    print(z.is_leaf)


@case(26, bits=True)
def example_1_2_detach(torch):
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x.detach()

    y += 1
    print(x)
    print(y)


@case(7, bits=True)
def example_2_1_scalar(torch):
    def test001():
        x = torch.tensor(1.0, requires_grad=True)
        y = x ** 2
        y.backward()
        print(x.grad)

    test001()


@case(7, bits=True)
def example_2_2_error(torch):
    def test003():
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x ** 2
        y.backward()
        print(x.grad)

    return raises(test003, "^grad can be implicitly created only for scalar outputs")


@case(7, bits=True)
def example_2_2_vector(torch):
    def test003():
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x ** 2
        y.backward(torch.tensor([1.0, 1.0, 1.0]))
        print(x.grad)

    test003()


@case(7, bits=True)
def example_2_2_mean(torch):
    def test002():
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x ** 2
        loss = y.mean()
        loss.backward()
        print(x.grad)

    test002()


@case(7, bits=True)
def example_2_4_two_scalars(torch):
    x1 = torch.tensor(5.0, requires_grad=True, dtype=torch.float64)
    x2 = torch.tensor(3.0, requires_grad=True, dtype=torch.float64)
    y = x1**2 + 2 * x2 + 7
    y.backward()
    print(x1.grad, x2.grad)


@case(7, 73, bits=True)
def example_2_5_two_vectors(torch):
    def test004():
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = torch.tensor([4.0, 5.0, 6.0], requires_grad=True)
        z = x * y
        loss = z.sum()
        print("z:", z)
        print("loss:", loss)
        loss.backward()
        print("x.grad:", x.grad)
        print("y.grad:", y.grad)

    test004()


@case(36, 37, bits=True)
def example_3_1_modes(torch):
    def test001():
        x = torch.tensor(10.5, requires_grad=True)
        print(x.requires_grad)

        y = x**2 + 2 * x + 3
        print(y.requires_grad)

        with torch.no_grad():
            y = x**2 + 2 * x + 3
        print(y.requires_grad)

        @torch.no_grad()
        def y_fn(x):
            return x**2 + 2 * x + 3

        y = y_fn(x)
        print(y.requires_grad)

        torch.set_grad_enabled(False)
        y = x**2 + 2 * x + 3
        print(y.requires_grad)

    test001()
    print(torch.is_grad_enabled())


@case(8, bits=True)
def example_3_2_accumulation(torch):
    def test002():
        x = torch.tensor([1.0, 2.0, 5.3], requires_grad=True)

        for i in range(3):  # noqa: B007
            y = x**2 + 2 * x + 7
            z = y.mean()
            z.backward()
            print(x.grad)

    test002()


@case(17, bits=True)
def example_3_2_outside_the_loop(torch):
    def test002():
        x = torch.tensor([1.0, 2.0, 5.3], requires_grad=True)

        y = x**2 + 2 * x + 7
        for i in range(3):  # noqa: B007
            z = y.mean()
            z.backward()
            print(x.grad)

    return raises(
        test002,
        r"^Trying to backward through the graph a second time \(or directly access saved tensors after they have already been "
        r"freed\)\. Saved intermediate values of the graph are freed when you call \.backward\(\) or autograd\.grad\(\)\. "
        r"Specify retain_graph=True if you need to backward through the graph a second time or if you need to access saved "
        r"tensors after calling backward\.",
    )


@case(17, bits=True)
def example_3_2_outside_the_loop_with_nothing_saved(torch):
    x = torch.tensor([1.0, 2.0, 5.3], requires_grad=True)
    y = x + 7
    for i in range(3):  # noqa: B007
        y.mean().backward()
        print(x.grad)


@case(9, bits=True)
def example_3_3_zeroing(torch):
    def test002():
        x = torch.tensor([1.0, 2.0, 5.3], requires_grad=True)

        for i in range(3):  # noqa: B007
            y = x**2 + 2 * x + 7
            z = y.mean()
            if x.grad is not None:
                x.grad.zero_()

            z.backward()
            print(x.grad)

    test002()


@case(18, bits=True)
def example_3_4_retain(torch):
    x = torch.tensor(2.0, requires_grad=True)
    loss = x ** 3
    loss.backward(retain_graph=True)
    print(x.grad)
    loss.backward()
    print(x.grad)


@case(42, bits=True)
def example_3_5_minimum(torch):
    def test02():
        x = torch.tensor([3.0], requires_grad=True, dtype=torch.float)
        epochs = 50
        lr = 0.1

        list = []
        for i in range(epochs):
            y = x ** 2

            if x.grad is not None:
                x.grad.zero_()
            y.backward()
            with torch.no_grad():
                x.data -= lr * x.grad

            print('epoch:', i, 'x:', x.item(), 'y:', y.item())
            list.append((x.item(), y.item()))

        x_list = [l[0] for l in list]  # noqa: E741
        y_list = [l[1] for l in list]  # noqa: E741

        plt.scatter(x=x_list, y=y_list)
        plt.show()

    test02()


@case(22, 42, bits=True)
def example_3_5_without_data_and_no_grad(torch):
    x = torch.tensor([3.0], requires_grad=True, dtype=torch.float)
    y = x ** 2
    y.backward()

    def step(x):
        x -= 0.1 * x.grad

    return raises(lambda: step(x), r"^a leaf Variable that requires grad is being used in an in-place operation\.")


@case(27, 42, bits=True)
def example_3_5_data_without_no_grad(torch):
    x = torch.tensor([3.0], requires_grad=True)
    (x ** 2).backward()
    x.data -= 0.1 * x.grad
    print(x, x.is_leaf)


@case(26, 42, bits=True)
def example_3_5_detach(torch):
    x = torch.tensor([3.0], requires_grad=True)
    (x ** 2).backward()
    lr = 0.1
    with torch.no_grad():
        new_x = x.detach() - lr * x.grad
        x.data = new_x
    print(x, x.grad, x.is_leaf)


def fit(torch, epochs):
    x = torch.tensor([1, 2, 3, 4, 5], dtype=torch.float)
    y = torch.tensor([3, 5, 7, 9, 11], dtype=torch.float)

    a = torch.tensor([1], dtype=torch.float, requires_grad=True)
    b = torch.tensor([1], dtype=torch.float, requires_grad=True)
    lr = 0.01

    for epoch in range(epochs):
        y_pred = a * x + b

        loss = ((y_pred - y) ** 2).mean()

        if a.grad is not None and b.grad is not None:
            a.grad.zero_()
            b.grad.zero_()

        loss.backward()

        with torch.no_grad():
            a.data -= lr * a.grad
            b.data -= lr * b.grad

        if (epoch + 1) % 10 == 0:
            print(f'Epoch [{epoch + 1}/{epochs}], Loss: {loss.item():.4f}')

    print(f'a: {a.item()}, b: {b.item()}')


@case(42, bits=True)
def example_3_6_fit(torch):
    fit(torch, 100)


@case(42, bits=True)
def example_3_6_fit_500_epochs(torch):
    fit(torch, 500)


@case(42, bits=True)
def example_3_6_first_gradients(torch):
    x = torch.tensor([1, 2, 3, 4, 5], dtype=torch.float)
    y = torch.tensor([3, 5, 7, 9, 11], dtype=torch.float)
    a = torch.tensor([1], dtype=torch.float, requires_grad=True)
    b = torch.tensor([1], dtype=torch.float, requires_grad=True)
    ((a * x + b - y) ** 2).mean().backward()
    print(a.grad, b.grad)


@case(19, bits=True)
def example_4_second_derivative(torch):
    x = torch.tensor(2.0, requires_grad=True)
    y = x**3

    dy_dx = torch.autograd.grad(y, x, create_graph=True)[0]
    print("一阶导数:", dy_dx.item())

    d2y_dx2 = torch.autograd.grad(dy_dx, x)[0]
    print("二阶导数:", d2y_dx2.item())


def my_relu(torch):
    class MyReLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx, input):
            ctx.save_for_backward(input)
            return input.clamp(min=0)

        @staticmethod
        def backward(ctx, grad_output):
            input, = ctx.saved_tensors
            grad_input = grad_output.clone()
            grad_input[input < 0] = 0
            return grad_input

    return MyReLU


@case(47, bits=True)
def example_5_function(torch):
    MyReLU = my_relu(torch)

    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    y = MyReLU.apply(x)
    y.sum().backward()
    print(x.grad)


@case(47, 66, bits=True)
def example_5_function_at_the_kink(torch):
    x = torch.tensor([0.0, -0.0, 1.0], requires_grad=True)
    my_relu(torch).apply(x).sum().backward()
    print(x.grad)
    x.grad = None
    torch.relu(x).sum().backward()
    print(x.grad)


@case(58, bits=True)
def example_6_gradient_check(torch):
    MyReLU = my_relu(torch)

    def grad_check():
        x = torch.tensor([1.5], requires_grad=True)

        analytic_grad = torch.autograd.grad(MyReLU.apply(x), x)[0]

        eps = 1e-5
        f_plus = MyReLU.apply(x + eps)
        f_minus = MyReLU.apply(x - eps)
        numeric_grad = (f_plus - f_minus) / (2 * eps)

        diff = torch.abs(analytic_grad - numeric_grad)
        print(f"解析梯度: {analytic_grad.item()}, 数值梯度: {numeric_grad.item()}, 差异: {diff.item()}")

    grad_check()


@case(58, 59)
def example_6_gradcheck(torch):
    MyReLU = my_relu(torch)
    x = torch.tensor([1.5], requires_grad=True)
    doubles = torch.tensor([1.5], requires_grad=True, dtype=torch.float64)
    return [
        raises(lambda: torch.autograd.gradcheck(MyReLU.apply, (x,)), "Jacobian mismatch for output 0 with respect to input 0"),
        torch.autograd.gradcheck(MyReLU.apply, (doubles,)),
    ]
