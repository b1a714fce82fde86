"""Attention: values weighted by how queries agree with keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import bool_
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.titles import WORDS
from symgrad.eager.torch_activations import softmax
from symgrad.eager.torch_arithmetic import FUNCTIONS as ARITHMETIC
from symgrad.eager.torch_layers import dropout
from symgrad.eager.torch_products import matmul
from symgrad.eager.torch_reductions import FUNCTIONS as REDUCTIONS
from symgrad.eager.torch_rules import refuse, refuse_dtype
from symgrad.eager.torch_selection import FUNCTIONS as SELECTION
from symgrad.eager.torch_views import FUNCTIONS as VIEWS
from symgrad.errors import at_user_line

__all__ = ["NN"]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Return ``softmax(scale * query @ key^T + mask) @ value``; leading axes are broadcast.

    Parameters
    ----------
    query : Tensor of shape (..., L, E)
    key : Tensor of shape (..., S, E)
    value : Tensor of shape (..., S, V)
    attn_mask : Tensor, optional
        Broadcast to (..., L, S): of bools where to look, of floats what to add.
    dropout_p : float
        Drops weights with this probability; none if it is not positive.
    is_causal : bool
        Query k looks at the keys up to k only.
    scale : float, optional
        Default: 1 / sqrt(E).
    enable_gqa : bool
        Only False is supported.

    Raises
    ------
    RuntimeError
        As torch does: for a mask beside ``is_causal``, element types that differ, and ``dropout_p`` above 1.
    """
    _check(query, key, value, attn_mask, is_causal, enable_gqa)
    _check_dropout(dropout_p)
    width = query.shape[-1]
    factor = (1 / math.sqrt(width) if scale is None else float(scale)) if width else 1.0  # without features the scores are 0
    scores = matmul(query, VIEWS["transpose"](key, -2, -1)) * factor
    if is_causal:
        attn_mask = Tensor.from_array(np.tri(query.shape[-2], key.shape[-2], dtype=bool))
    if attn_mask is None:
        return matmul(_dropped(softmax(scores, -1), dropout_p), value)
    if attn_mask.dtype is bool_:
        scores = SELECTION["where"](attn_mask, scores, -math.inf)
    else:
        scores = ARITHMETIC["add"](scores, attn_mask)
    some = REDUCTIONS["any"](ARITHMETIC["ne"](scores, -math.inf), -1, True)
    weights = softmax(SELECTION["where"](some, scores, 0.0), -1)  # its derivative knows no nan, either
    weights = SELECTION["where"](some, weights, 0.0)  # a query that looks nowhere gets zeros
    return matmul(_dropped(weights, dropout_p), value)


def _dropped(weights: Any, p: float) -> Any:
    return dropout(weights, p) if p > 0 else weights


def _check_dropout(p: Any) -> None:
    if not isinstance(p, (int, float)):
        kind = type(p).__name__
        raise TypeError(
            at_user_line(f"scaled_dot_product_attention(): argument 'dropout_p' (position 5) must be float, not {kind}")
        )
    if p > 1:
        refuse(f"dropout probability has to be between 0 and 1, but got {p:g}")


def _check(query: Any, key: Any, value: Any, mask: Any, is_causal: bool, grouped: bool) -> None:
    if grouped:
        raise NotImplementedError("scaled_dot_product_attention: enable_gqa=True is not supported; repeat the keys and values")
    kinds = {"query": query, "key": key, "value": value}
    if any(t.ndim < 2 for t in kinds.values()):
        ranks = f"query.dim: {query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim}"
        refuse(f"Expected query, key, and value to all be  at least 2 dimensional, but got {ranks} instead.")
    if any(t.dtype is not query.dtype for t in kinds.values()):
        words = [WORDS[t.dtype.name] for t in kinds.values()]
        given = f"query.dtype: {words[0]} key.dtype: {words[1]} and value.dtype: {words[2]}"
        refuse_dtype(f"Expected query, key, and value to have the same dtype, but got {given} instead.")
    if mask is None:
        return
    if is_causal:
        refuse("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if mask.dtype is not bool_ and mask.dtype is not query.dtype:
        given = f"attn_mask.dtype: {WORDS[mask.dtype.name]} and  query.dtype: {WORDS[query.dtype.name]}"
        refuse_dtype(f"Expected attn_mask dtype to be bool or float or to match query dtype, but got {given} instead.")


NN: dict[str, Callable[..., Any]] = {"scaled_dot_product_attention": scaled_dot_product_attention}
