"""One run, from settings to a record; suites, forecasts, reproduction."""
