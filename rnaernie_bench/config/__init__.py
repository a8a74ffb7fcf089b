"""Settings: composed by Hydra, checked by dataclasses, hashed into the run id.

Other rooms import: compose, identity, options, unread, words.
"""
