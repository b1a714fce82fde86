"""Optimisers with torch's names, arguments, groups and state: SGD, Adam, AdamW, RMSprop and Adagrad.

A step is written with Tensor operations under ``no_grad``: it is recorded like any other code, and runs with the loss
of the next iteration as one program. Numbers such as the learning rate are inputs of that program, so a schedule may
change them at will.
"""

from symgrad.optim import lr_scheduler
from symgrad.optim.adagrad import Adagrad
from symgrad.optim.adam import Adam
from symgrad.optim.adamw import AdamW
from symgrad.optim.optimizer import Optimizer
from symgrad.optim.rmsprop import RMSprop
from symgrad.optim.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
