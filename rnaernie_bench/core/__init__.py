"""What every room uses: errors, files, paths, registries, schemas.

Other rooms import: checks, distributed, environment, errors, figures, files, gc_pause, paths,
plugins, registry, schema, theme, time_limit.
"""
