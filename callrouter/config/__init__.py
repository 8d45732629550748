"""Configuration documents: YAML read with positions, checked against typed models, all faults at once."""
