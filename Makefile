# run · test · check · docs · phone: each sets up what it needs, once. `make help` lists all.

VENV = .venv
# The first Python found that this project has been tested on; PYTHON=… picks another.
PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13 3.10,$(shell python$(v) -c '' 2>/dev/null && echo python$(v))) python3)
BIN = $(VENV)/bin
# How many loopback phones `make phone` starts.
COUNT ?= 1
READY = $(VENV)/.ready
# What installs packages into VENV; `uv pip install --python …` does it in a fifth of the time.
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check

# What `make test` runs, and how: make test TESTS=tests/unit
TESTS =
TEST_OPTIONS =

.PHONY: run test test-shims check docs phone phone-stop benchmark headline train needs-data lock clean help

run: $(READY)  ## build all default variants of `fashion`, measure them, show the table
	$(BIN)/bench run fashion

test: $(READY)  ## all tests that this machine can run; those for the phone need root
	$(BIN)/python -m pytest $(TEST_OPTIONS) $(TESTS)

SHIMS = $(notdir $(patsubst %/,%,$(wildcard tests/phone/loopback/shims/*/)))
test-shims: $(READY)  ## all of tests/phone under the shells of other phones: 15 minutes each (Linux, root)
	for shim in $(SHIMS); do $(BIN)/python -m pytest tests/phone --shim $$shim $(TEST_OPTIONS) || exit 1; done

check: $(READY)  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/shellcheck --external-sources device_scripts/*.sh

docs: $(READY)  ## the documentation, in build/docs; a broken link or reference fails
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going docs build/docs

phone: $(READY)  ## start a loopback phone: real adbd, real benchmark_model (Linux, root)
	$(BIN)/python -m tests.phone.loopback start --count $(COUNT)

phone-stop: $(READY)  ## stop every loopback phone
	$(BIN)/python -m tests.phone.loopback stop

benchmark: $(READY)  ## what the harness itself costs, as ratios
	$(BIN)/python -m pytest tests/benchmarks --benchmarks

# Training and the headline need samples, which are not ours to bring.
DATA =
needs-data:
	@test -n "$(DATA)" || { echo "make: no DATA is given: make $(MAKECMDGOALS) DATA=fashion_mnist.npz" >&2; exit 2; }

train: needs-data $(READY)  ## train `fashion` again: make train DATA=fashion_mnist.npz
	$(BIN)/python models/_train_fashion.py --data $(DATA)

headline: needs-data $(READY)  ## the README's headline table: make headline DATA=fashion_mnist.npz
	$(BIN)/bench run fashion --data $(DATA) --seed 0 -t local -o reports/headline.md \
	  -r @models/headline.toml

lock: $(READY)  ## resolve constraints.txt anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --all-extras --upgrade \
	  --no-header --no-annotate pyproject.toml --output-file constraints.txt

clean:  ## remove what make laid down; caches and reports stay
	rm -rf $(VENV) build dist

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  \1\t/' | expand -t 14

# Laid down only when all is installed, so that a broken install is tried again.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) else f"Python 3.10 to 3.13 is needed, and this is {v}: make PYTHON=/path/to/python")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --quiet \
	  --constraint constraints.txt --editable '.[build,quantize,plot,search,cluster,test,check,docs]'
	touch $(READY)
