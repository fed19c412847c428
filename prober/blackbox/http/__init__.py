"""The http kind of on-demand probe: HTTP as Go reads it, judged as blackbox_exporter does."""
