"""What is measured: metrics, answers, intervals and calibration.

Other rooms import: answers, answers.base, answers.structure, calibration, figures, losses,
measuring, problems, registry, resampling, rounding, scoring.composites, seeds, targets, tuning.
"""
