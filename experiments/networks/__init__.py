"""Networks: what their layers see and count, and what sizes of images they take."""
