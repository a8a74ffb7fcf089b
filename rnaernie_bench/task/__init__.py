"""What a task declares, and what can be chosen by name.

Other rooms import: catalogue, checks, declaration, lengths, single_table, task, template.
"""
