"""What every room uses: errors, files, paths, registries, schemas."""
