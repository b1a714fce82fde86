"""The faces that user code sees: Array with NumPy's meanings, Tensor with torch's, over one graph."""
