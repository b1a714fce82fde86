"""What ``sg.export`` copies into the packages it writes: these modules need Python, NumPy and cffi, and nothing of symgrad."""
