"""What a task declares, and what can be chosen by name.

Other rooms import: catalogue, checks, content, croissant, declaration, lengths, motifs,
single_table, task, template.
"""
