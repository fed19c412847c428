"""`python -m prober`: the same as the command `prober`."""

from prober.cli import main

if __name__ == "__main__":
    main()
