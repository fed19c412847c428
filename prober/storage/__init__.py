"""The database: tables, tolerant writes, migrations, and the spool for when it is away."""
