"""Launchers: what starts many commands, here or on other machines.

Other rooms import: jobs.
"""
