"""`uv run sapi.py migrate`, as fsapi users know it: the console script `sapi`, nothing else."""

from fsapi_nb.__main__ import main

if __name__ == "__main__":
    raise SystemExit(main())
