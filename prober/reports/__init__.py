"""Reports: rows in, a value or a text out. Nothing here probes, writes or reads a clock."""
