"""The command line of a solver for the bitwuzla of PyPI, which brings none: prints the answer and model of one file."""

import sys

import bitwuzla

options = bitwuzla.Options()
options.set(bitwuzla.Option.PRODUCE_MODELS, True)
parser = bitwuzla.Parser(bitwuzla.TermManager(), options)
try:
    parser.parse(sys.argv[1])
except bitwuzla.BitwuzlaException as error:
    # `(get-model)` after `unsat`; what counts is printed.
    print(f"(error {error})")
