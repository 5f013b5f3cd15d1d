"""``tenor recipe``: the trainings that are known by name, and what each does."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenor.cli.options import Subparsers
from tenor.cli.output import one_line, print_json, print_table, show, terminal_width, wants_json

if TYPE_CHECKING:
    from tenor.recipes import Change, Recipe


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "recipe",
        help=summary,
        description="List the recipes, or show one: what it is, its variants, the flaws of the tutorial "
        "that it puts right, and its settings as TOML.",
        epilog="example: tenor recipe show tensorflow-imdb",
    )
    parser.add_argument("what", choices=("list", "show"), help="all recipes in a line each, or one")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of the recipe to show")
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the list, or one recipe."""
    from tenor.errors import InputError
    from tenor.recipes import load_recipe, recipe_names

    if args.what == "show":
        if args.name is None:
            raise InputError(f"name the recipe to show: {', '.join(recipe_names())}")
        _show(load_recipe(args.name), as_json=wants_json(args.json))
        return 0
    if args.name is not None:
        raise InputError(f"list shows all recipes; for one type: tenor recipe show {args.name}")
    recipes = [load_recipe(name) for name in recipe_names()]
    if wants_json(args.json):
        for recipe in recipes:
            print_json(_record(recipe))
        return 0
    rows = [[recipe.name, recipe.framework, recipe.data["name"], recipe.summary] for recipe in recipes]
    used = max(sum(map(len, row[:3])) for row in rows) + 6
    print_table([[*row[:3], one_line(row[3], max(terminal_width() - used, 20))] for row in rows])
    show("\nnext: tenor recipe show NAME; tenor train --recipe NAME")
    return 0


def _show(recipe: Recipe, *, as_json: bool) -> None:
    if as_json:
        print_json(_record(recipe))
        return
    from tenor.recipes import recipe_file

    show(f"{recipe.name}: {recipe.title} ({recipe.framework})\n{recipe.summary}.")
    for title, changes in (("variants", recipe.variants), ("flaws, put right", recipe.flaws)):
        if changes:
            show(f"\n{title}")
            print_table([[f"  {change.name}", change.what] for change in changes])
    show(f"\nsettings ({recipe_file(recipe.name)})")
    for group, values in recipe.settings.items():
        print_table([[f"  {group}.{name}", repr(value)] for name, value in values.items()])
    show(f"\nnext: tenor train --recipe {recipe.name}")
    if recipe.flaws:
        show(f"      tenor train --recipe {recipe.name} --as-published")
        show(f"      tenor train --recipe {recipe.name} --flaw {recipe.flaws[0].name}")


def _record(recipe: Recipe) -> dict[str, Any]:
    return {
        **{name: getattr(recipe, name) for name in ("name", "title", "framework", "summary")},
        "data": dict(recipe.data) | ({"vectors": recipe.vectors} if recipe.vectors else {}),
        "settings": recipe.settings,
        "variants": [{"name": change.name, "what": change.what} for change in recipe.variants],
        "flaws": [{"name": c.name, "what": c.what, "repair": c.repair} for c in recipe.flaws],
        "published": recipe.published,
    }


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """The flags with which a training takes a recipe."""
    group = parser.add_argument_group("recipe")
    group.add_argument(
        "--recipe", metavar="NAME",
        help="take data and settings of a recipe (tenor recipe list); DATA and flags go before it",
    )  # fmt: skip
    group.add_argument(
        "--variant", action="append", metavar="NAME", default=[], help="with a variant of the recipe"
    )
    group.add_argument(
        "--flaw", action="append", metavar="NAME", default=[],
        help="with a flaw of the tutorial that the recipe puts right",
    )  # fmt: skip
    group.add_argument("--as-published", action="store_true", help="with every flaw of the tutorial")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The recipe that the flags name, with its changes."""

    recipe: Recipe
    changes: tuple[Change, ...]

    @property
    def name(self) -> str:
        """A name for the model: the recipe's and those of its changes."""
        flaws = self._names(of_flaws=True)
        whole = len(flaws) > 1 and len(flaws) >= sum(not flaw.latent for flaw in self.recipe.flaws)
        names = ["as-published"] if whole else flaws
        return "-".join([self.recipe.name, *self._names(of_flaws=False), *names])

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Settings by group."""
        return self.recipe.tables(self.changes)

    @property
    def record(self) -> dict[str, Any]:
        """What a model folder says of it."""
        return {
            "name": self.recipe.name,
            "variants": self._names(of_flaws=False),
            "flaws": self._names(of_flaws=True),
        }

    def _names(self, *, of_flaws: bool) -> list[str]:
        return [change.name for change in self.changes if bool(change.repair) == of_flaws]


def take_recipe(args: argparse.Namespace) -> Chosen | None:
    """The recipe that the arguments name; its data and vectors stand in for those not given.

    Raises:
        InputError: there is no such recipe, flaw or variant, or the flags have no recipe.
    """
    from tenor.errors import InputError
    from tenor.recipes import load_recipe

    if args.recipe is None:
        if args.variant or args.flaw or args.as_published:
            raise InputError("--variant, --flaw and --as-published go with --recipe NAME: add that")
        return None
    if args.config is not None:
        raise InputError("--recipe and --config both name settings; leave one out")
    recipe = load_recipe(args.recipe)
    changes = recipe.choose(variants=args.variant, flaws=args.flaw, as_published=args.as_published)
    if args.data in (None, recipe.data["name"]):
        args.data = recipe.data["name"]
        for name, value in recipe.data.items():
            if getattr(args, name, None) in (None, False):
                setattr(args, name, value)
    if args.vectors is None:
        args.vectors = recipe.vectors_with(changes)
    return Chosen(recipe=recipe, changes=changes)
