"""The benchmarks, one file each; a file's docstring is its paper. `catalog` names them without importing them."""
