"""`python -m core COMMAND`: answers Ctrl-C, then loads the commands, which takes a second."""

from core.loading import end_on_ctrl_c

if __name__ == "__main__":
    end_on_ctrl_c()
    from core.cli import app
    from core.entry import run_command

    run_command(app)
