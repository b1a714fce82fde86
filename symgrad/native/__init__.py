"""From C text to a callable: the compiler, the cache of shared objects, and the call."""
