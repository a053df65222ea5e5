"""`python -m orchestrator.sandbox` starts the stand-in server."""

from orchestrator.sandbox.command import main

if __name__ == "__main__":
    main(prog_name="orchestrator sandbox")
