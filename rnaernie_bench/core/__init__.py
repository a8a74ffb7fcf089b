"""What every room uses: errors, files, paths, registries, schemas.

Other rooms import: checks, distributed, documents, environment, errors, figures, files, gc_pause,
names, parquet, paths, plugins, progress, registry, schema, secrets, servers, theme, time_limit.
"""
