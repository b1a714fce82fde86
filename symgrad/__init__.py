"""symgrad: a symbolic-to-numeric autograd compiler."""
