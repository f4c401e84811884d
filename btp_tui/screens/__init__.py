"""The screens: dashboard, programs, one program, runs, and the dialogs over them."""
