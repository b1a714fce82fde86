"""From a graph to loops: fusion groups, the buffer plan, and the loop IR that code is printed from."""
