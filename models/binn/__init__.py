"""BINN: the paper's network (equations 9 to 24), its training, calibration, export and evaluation."""
