"""The order of layers, and the other rules of the house that can be read off the source."""

import ast
import importlib
import pkgutil
import sys
from pathlib import Path

import pytest

import symgrad

ROOT = Path(symgrad.__file__).parent

LAYERS = (
    ("errors", "dtypes", "options"),
    ("ir",),
    ("primitives",),
    ("interpret", "symbolic", "transform", "rewrite"),
    ("lower",),
    ("codegen",),
    ("native", "shipped"),
    ("compiler",),
    ("eager", "tracing"),
    (
        "arguments", "autograd", "cli", "closeness", "comparing", "compilation", "compiled", "cuda", "differences", "exporting",
        "expressions", "func", "linalg", "mapping", "naming", "nn", "optim", "planning", "programs", "replay", "special", "taped",
        "testing", "transforms", "__init__", "__main__",
    ),
)  # fmt: skip
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FORBIDDEN_NAMES = {"util", "utils", "helpers", "helper", "common", "misc", "base", "core"}
LAZY = {"sympy", "jinja2"}  # slow to import: only when they are used
FUNCTION_LEVEL = LAZY | {
    "_cffi_backend",
    "click",
    "hashlib",
    "rich",
    "scipy",
    "scipy_openblas32",
    "ziglang",
    "matplotlib",
    "mpmath",
    "shutil",
    "sysconfig",
}
# what compiles a graph is imported when one is compiled, what a cache hit does not need when there is none
WHEN_COMPILING = {"symgrad.compiled", "symgrad.compiler", "symgrad.native.module", "symgrad.shipped.loading"}
SYMPY_ONLY = {"symgrad.expressions", "symgrad.symbolic"}  # may wait for their use too; layers and cycles count them


def _module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_module_name(path): path for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
IDS = list(FILES)


def _is_type_checking(node):
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def imports(module):
    """Return ``(target, inside a function, line)`` for every import of a module; for symgrad the modules meant."""
    found = []

    def visit(node, inside):
        for child in ast.iter_child_nodes(node):
            if _is_type_checking(child):
                continue
            if isinstance(child, ast.Import):
                found.extend((alias.name, inside, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module}:{child.lineno}: imports are absolute"
                found.extend((_meant(child.module, alias.name), inside, child.lineno) for alias in child.names)
            else:
                visit(child, inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))

    visit(TREES[module], False)
    return found


def _meant(package, name):
    return f"{package}.{name}" if f"{package}.{name}" in FILES else package


def _place(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _of_symgrad(module):
    return [(t, inside, line) for t, inside, line in imports(module) if t.split(".")[0] == "symgrad"]


def test_every_module_has_a_layer():
    assert {_place(m) for m in FILES} <= set(LEVEL), {_place(m) for m in FILES} - set(LEVEL)


@pytest.mark.parametrize("module", IDS)
def test_imports_go_to_lower_layers_or_the_same(module):
    for target, _, line in _of_symgrad(module):
        assert LEVEL[_place(target)] <= LEVEL[_place(module)], f"{module}:{line} imports {target}, which is above it"


def test_imports_have_no_cycle():
    edges = {m: sorted({t for t, _, _ in _of_symgrad(m) if t != m}) for m in FILES}
    state = dict.fromkeys(FILES, 0)

    def walk(module, path):
        state[module] = 1
        for target in edges.get(module, ()):
            assert state.get(target) != 1, f"a cycle of imports: {' -> '.join([*path, module, target])}"
            if state.get(target) == 0:
                walk(target, [*path, module])
        state[module] = 2

    for module in FILES:
        if not state[module]:
            walk(module, [])


@pytest.mark.parametrize("module", IDS)
def test_imports_inside_functions_are_of_slow_or_optional_packages(module):
    for target, inside, line in imports(module):
        package = target.split(".")[0]
        if inside:
            allowed = package in FUNCTION_LEVEL or target in SYMPY_ONLY or (module in WHEN_COMPILING and package == "symgrad")
            assert allowed, f"{module}:{line}: import {target} at the top of the module"
        else:
            assert package not in LAZY, f"{module}:{line}: {target} is imported only when it is used, inside a function"


@pytest.mark.parametrize("module", IDS)
def test_no_star_imports(module):
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names), f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", IDS)
def test_sizes_and_names(module):
    path = FILES[module]
    assert path.stem not in FORBIDDEN_NAMES and path.parent.name not in FORBIDDEN_NAMES
    lines = len(path.read_text().splitlines())
    assert lines <= 400, f"{module} has {lines} lines"
    for node in ast.walk(TREES[module]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{module}.{node.name} has {length} lines"


def test_functions_are_short_in_the_median():
    lengths = sorted(
        node.end_lineno - node.body[0].lineno + 1
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    )
    assert lengths[len(lengths) // 2] <= 8


@pytest.mark.parametrize("package", [m for m, path in FILES.items() if path.name == "__init__.py"])
def test_no_sub_module_has_the_name_of_a_public_function(package):
    loaded = importlib.import_module(package)
    for module in pkgutil.iter_modules(loaded.__path__):
        if module.name.startswith("__"):
            continue
        found = getattr(loaded, module.name, None)
        assert found is None or found is sys.modules.get(f"{package}.{module.name}"), f"{package}.{module.name}"
