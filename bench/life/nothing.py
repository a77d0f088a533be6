"""A program on Typer that does nothing: what any command costs before its own work begins."""

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command()
def nothing() -> None:
    """Do nothing."""


@app.command()
def neither() -> None:
    """Do nothing either: with two commands, the program has a list of them."""


if __name__ == "__main__":
    app(prog_name="nothing")
