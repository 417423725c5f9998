"""LeNet: why its images, its units and its layers have the scales that they have."""
