"""Configuration: YAML files become one frozen tree, or a list of every fault in them."""
