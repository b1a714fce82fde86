"""Functions of neural networks under torch's names; there are no modules."""

import sys

from symgrad.nn import clipping, functional
from symgrad.nn import parameters as utils  # torch's name for it

__all__ = ["functional", "utils"]

# what torch's users import: symgrad itself gives no module such a name
sys.modules["symgrad.nn.utils"] = sys.modules["symgrad.nn.utils.convert_parameters"] = utils
sys.modules["symgrad.nn.utils.clip_grad"] = clipping
