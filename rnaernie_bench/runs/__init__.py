"""One run, from settings to a record; suites, forecasts, reproduction.

Other rooms import: card, evaluations, export, folder, forecast, loaders, plan, reproduction,
runner, shipping, suites, validate.
"""
