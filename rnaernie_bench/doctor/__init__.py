"""What `rnaernie-bench doctor` looks at; it works where libraries are missing or broken.

Other rooms import: examination.
"""
