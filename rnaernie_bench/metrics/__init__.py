"""What is measured: metrics, answers, intervals and calibration."""
