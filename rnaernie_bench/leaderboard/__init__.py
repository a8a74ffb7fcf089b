"""Tables, comparisons and pages made of records.

Other rooms import: across, comparison, disagreement, explanations, guidance_page, kept,
page.build, rendering, rows, selection, settings, significance, tables.
"""
