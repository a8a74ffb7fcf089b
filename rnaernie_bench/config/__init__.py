"""Settings: composed by Hydra, checked by dataclasses, hashed into the run id."""
