"""History: systems from the visual cortex to LeNet, each rebuilt from the same operators and measured."""
