#!/usr/bin/env python3
"""Runs Ayatori and its peers in turn and prints Markdown tables. Started by Tools/bench, which
installs the peers; needs nothing but Python itself.

In turn means: one round of every contender, then the next round, so that a machine that slows down
slows all of them. Between its rounds a contender is stopped (SIGSTOP), threads that spin included.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import resource
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = ROOT / ".venv-peers"

# Sizes as in Graphs/; the batch is the article's.
MODELS = {
    "vae_pytorch": {"batch": 64, "hidden": [128]},
    "vae_chainer": {"batch": 100, "hidden": [500, 500]},
}
LATENT = 20
PACKAGES = ["numpy", "jax", "torch", "pytensor", "onnxruntime", "onnx"]
ANSWER_SECONDS = 900  # torch.compile and PyTensor take their time
MOST_STEPS, FEWEST_STEPS = 100_000, 3
SAME = 0.1  # how far the contenders' first losses may lie apart: they draw different noise


QUIET = 0.1  # cores that others may keep busy
DISTURBED = []  # what others' work has spoilt


class Trouble(Exception):
    """Why a contender cannot take part."""


# ---- contenders


class Ayatori:
    """A new process each round, which warms up by itself."""

    def __init__(self, name, options, file, *flags):
        self.name, self.facts = name, {}
        self.command = [options.ayatori, "bench", ROOT / "Graphs" / file, "--json", *flags]
        self.command += ["--threads", str(options.threads), "--rounds", "1"]

    def start(self):
        pass

    def round(self, steps):
        answer = ask(self.command + ["--steps", str(steps)])
        return {"us": answer["stepMicroseconds"]["median"], "steps": steps}

    def sleep(self):
        pass

    wake = close = sleep


class Peer:
    """A process that answers `round N`; see peer.py."""

    def __init__(self, name, options, script, *flags, needs=(), environment=None):
        self.name, self.needs, self.facts, self.process = name, needs, {}, None
        self.command = [sys.executable, HERE / script, "--threads", str(options.threads), *flags]
        self.environment = {**python_environment(options.threads), **(environment or {})}

    def start(self):
        for package in self.needs:
            reason = why_missing(package)
            if reason:
                raise Trouble(reason)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            list(map(str, self.command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=self.environment,
        )
        self.facts = self.answer()

    def answer(self):
        if not select.select([self.process.stdout], [], [], ANSWER_SECONDS)[0]:
            raise Trouble(f"failed: no answer in {ANSWER_SECONDS} s")
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.log.seek(0)
            raise Trouble("failed: " + last_line(self.log.read(), self.process.returncode))
        return json.loads(line)

    def round(self, steps):
        try:
            self.process.stdin.write(f"round {steps}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its end is told by answer()
        return self.answer()

    def sleep(self):
        self.process.send_signal(signal.SIGSTOP)

    def wake(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        """Lets it end, and ends it where it does not."""
        if not self.process:
            return
        self.wake()
        try:
            self.process.communicate(timeout=10)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            self.process.wait()
        self.process = None
        self.log.close()


class Floor(Peer):
    """OpenBLAS alone, with the kernels it takes for this CPU or with others."""

    def __init__(self, name, options, model, batch, kernels=None):
        super().__init__(name, options, "floor.c")
        hidden = MODELS[model]["hidden"]
        self.command = [options.floor, options.threads, batch, LATENT, *hidden]
        # It threads by itself.
        self.environment = {**os.environ, **({"OPENBLAS_CORETYPE": kernels} if kernels else {})}

    def start(self):
        if not self.command[0]:
            raise Trouble("not built: Tools/bench builds it")
        super().start()
        self.facts["kernels"] = self.facts["version"].split(" MAX_THREADS")[0].split()[-1]


def jax(name, options, script, *flags):
    return Peer(name, options, script, *flags, needs=["numpy", "jax"])


def torch(name, options, script, *flags):
    return Peer(name, options, script, *flags, needs=["numpy", "torch"])


def floors(options, model, batch):
    all_floors = [Floor("floor", options, model, batch)]
    if "avx2" in cpu_facts().get("flags", "").split():
        # Its guess need not be the fastest: on some Zen 4 it takes Cooperlake's.
        all_floors.append(Floor("floor, Haswell's kernels", options, model, batch, "Haswell"))
    return all_floors


# ---- processes


def python_environment(threads):
    """As many threads for all, the CPU only, and every cache inside .venv-peers."""
    names = ["OMP", "OPENBLAS", "MKL", "NUMBA"]
    return {
        **os.environ,
        **{f"{name}_NUM_THREADS": str(threads) for name in names},
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTENSOR_FLAGS": f"base_compiledir={VENV}/cache/pytensor",
        "TORCHINDUCTOR_CACHE_DIR": f"{VENV}/cache/torch",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no helpers, which would outlive the compilation
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def last_line(text, code):
    lines = [line.strip() for line in text.decode(errors="replace").splitlines() if line.strip()]
    return (lines[-1] if lines else f"ended with {code}")[:160]


def ask(command, timeout=ANSWER_SECONDS):
    """The JSON that a command prints."""
    try:
        result = subprocess.run(list(map(str, command)), capture_output=True, timeout=timeout)
    except FileNotFoundError as error:
        raise Trouble(f"failed: {error}") from None
    except subprocess.TimeoutExpired:
        raise Trouble(f"failed: no answer in {timeout} s") from None
    if result.returncode != 0:
        raise Trouble("failed: " + first_line(result.stderr, result.returncode))
    return json.loads(result.stdout)


def first_line(text, code):
    return next(iter(text.decode(errors="replace").splitlines()), f"ended with {code}")[:160]


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def why_missing(package):
    if version(package):
        return None
    note = VENV / "missing" / package
    reason = note.read_text().strip() if note.exists() else f"{package} is not in .venv-peers"
    return f"not installed: {reason or 'pip gave no reason'}"[:160]


class Others:
    """How busy what is not ours keeps the machine: processor seconds, by /proc."""

    TICK = 1 / os.sysconf("SC_CLK_TCK")

    def __init__(self, contenders=()):
        self.pids = [c.process.pid for c in contenders if getattr(c, "process", None)]
        self.begin = time.monotonic(), self.seconds()

    def seconds(self):
        with open("/proc/stat") as file:
            user, nice, kernel, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
        ours = 0
        for pid in self.pids:
            try:
                with open(f"/proc/{pid}/stat") as file:
                    # After the name, which may hold anything: state is field 3, utime field 14.
                    ours += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:15]))
            except OSError:
                pass  # it ended, and is a child that was waited for
        seconds = (user + nice + kernel + irq + softirq + steal - ours) * self.TICK
        for who in [resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN]:
            usage = resource.getrusage(who)
            seconds -= usage.ru_utime + usage.ru_stime
        return seconds

    def cores(self):
        """Cores that others kept busy since the start, on average."""
        began, before = self.begin
        # /proc/stat counts in ticks, ours is exact: some ticks less, for what is wrong by rounding.
        seconds = self.seconds() - before - 5 * self.TICK
        return max(0.0, seconds / (time.monotonic() - began))


def rounds_by(title, options, rounds, contenders, take):
    """What `take()` gives for each round, a dictionary of answers by name.

    A round that others disturbed is taken again once they are quiet, while patience lasts."""
    deadline = time.monotonic() + options.patience
    kept, disturbed = [], []
    while len(kept) < rounds:
        if rounds <= 5:
            progress(f"  round {len(kept) + 1} of {rounds}")
        others = Others(contenders)
        answers = take()
        cores = others.cores()
        if cores > QUIET and time.monotonic() < deadline:
            progress(f"  others kept {cores:.1f} cores busy: again, once they are quiet")
            while time.monotonic() < deadline:
                others = Others(contenders)
                time.sleep(2)
                if others.cores() <= QUIET:
                    break
            continue
        if cores > QUIET:
            disturbed.append(cores)
        kept.append(answers)
        for answer in answers.values():
            answer["others"] = round(cores, 2)
    if disturbed:
        note = f"in {len(disturbed)} of {counted(rounds, 'round')} others kept up to "
        note += f"{max(disturbed):.1f} cores busy"
        progress("  " + note)
        DISTURBED.append(f"- {title}: {note}; time it again, with --patience 600 perhaps")
    return kept


# ---- rounds


def race(title, contenders, options):
    """Every contender's rounds: {name: {"rounds": [...], "trouble": ..., facts...}}."""
    progress(title)
    result = {c.name: {"rounds": []} for c in contenders}
    ready = []

    def attempt(contender, action):
        try:
            return action()
        except Trouble as trouble:
            result[contender.name]["trouble"] = str(trouble)
            progress(f"  {contender.name}: {trouble}")
            if contender in ready:
                ready.remove(contender)
            contender.close()

    def one_round(contender, steps):
        contender.wake()
        answer = contender.round(steps)
        contender.sleep()
        return answer

    try:
        for contender in contenders:
            progress(f"  {contender.name}: starting")
            ready.append(contender)
            attempt(contender, lambda: (contender.start(), contender.sleep()))
            result[contender.name].update(contender.facts)
        steps = {}
        for contender in list(ready):
            # How many steps fill a round: guessed from few, then from more.
            count = FEWEST_STEPS
            for seconds in [options.seconds / 10, options.seconds]:
                answer = attempt(contender, lambda: one_round(contender, count))
                if not answer:
                    break
                count = int(seconds * 1e6 / max(answer["us"], 0.1))
                count = max(FEWEST_STEPS, min(MOST_STEPS, count))
            steps[contender.name] = count

        def take():
            answers = {
                contender.name: attempt(
                    contender, lambda: one_round(contender, steps[contender.name])
                )
                for contender in list(ready)
            }
            return {name: answer for name, answer in answers.items() if answer}

        for answers in rounds_by(title, options, options.rounds, ready, take):
            for name, answer in answers.items():
                result[name]["rounds"].append(answer)
    finally:
        for contender in contenders:
            contender.close()
    return result


def values(entry, key="us"):
    return [one[key] for one in entry.get("rounds", []) if key in one]


def median(entry, key="us"):
    numbers = values(entry or {}, key)
    return statistics.median(numbers) if numbers and "trouble" not in entry else None


def disagreements(result):
    """Contenders whose first loss, or whose decoded mean, is not the others'."""
    first = {name: entry["first"] for name, entry in result.items() if "first" in entry}
    if len(first) < 2:
        return []
    middle = statistics.median(first.values())
    return [
        f"{name} starts at {value:.4g}, the median of all at {middle:.4g}: not the same work?"
        for name, value in first.items()
        if not abs(value - middle) <= SAME * abs(middle)
    ]


# ---- tables


def number(value):
    for limit, digits in [(1, 3), (10, 2), (100, 1)]:
        if value < limit:
            return f"{value:.{digits}f}"
    return f"{value:.0f}"


def spread(entry, key="us"):
    """min / **median** / max, or what went wrong."""
    if "trouble" in entry:
        return entry["trouble"].replace("|", "\\|")
    numbers = values(entry, key)
    if not numbers:
        return "no round"
    middle = statistics.median(numbers)
    return f"{number(min(numbers))} / **{number(middle)}** / {number(max(numbers))}"


def counted(count, noun):
    return f"{count} {noun}" + ("" if count == 1 else "s")


def ratio(one, other):
    if one is None or not other:
        return "–"
    return f"{one / other:.2f}" if one < 100 * other else f"{one / other:.0f}"


def markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def compared(what, results, base="Ayatori", key="us", more=()):
    """A row for each contender; for each case its times, and how many times `base`'s they are."""
    names = list(dict.fromkeys(name for result in results.values() for name in result))
    head = [f"{what}: min / **median** / max"]
    for case in results:
        head += [case, f"÷ {base}"]
    rows = []
    for name in names:
        row = [name]
        for result in results.values():
            entry = result.get(name)
            row += (
                [spread(entry, key), ratio(median(entry, key), median(result.get(base), key))]
                if entry
                else ["–", "–"]
            )
        rows.append(row)
    notes = [
        f"- {case}: {note}" for case, result in results.items() for note in disagreements(result)
    ]
    return "\n".join([markdown(head, rows + list(more)), *([""] + notes if notes else [])])


# ---- what is timed


def step_contenders(options, model, batch, latent=LATENT):
    """Ayatori and JAX, which every table of steps has."""
    common = ["--model", model, "--batch", str(batch), "--latent", str(latent)]
    return [
        Ayatori(
            "Ayatori", options, f"{model}.aya", "--batch-size", str(batch), "--dim", f"Z={latent}"
        ),
        jax("JAX jit, a loop of steps", options, "train_jax.py", "--loop", *common),
        jax("JAX jit, a call a step", options, "train_jax.py", *common),
    ]


def time_steps(options):
    results, kept_floors = {}, {}
    for model in options.models:
        batch = MODELS[model]["batch"]
        common = ["--model", model, "--batch", str(batch)]
        contenders = [
            *step_contenders(options, model, batch),
            torch(
                "torch.compile, fused Adam",
                options, "train_torch.py", "--compile", "--fused", *common,
            ),
            torch("torch eager, fused Adam", options, "train_torch.py", "--fused", *common),
            torch("torch eager", options, "train_torch.py", *common),
            Peer(
                "PyTensor", options, "train_pytensor.py", *common, needs=["numpy", "pytensor"]
            ),
            *floors(options, model, batch),
        ]
        case = f"{model}, batch {batch}"
        result = race(f"training step, {case}", contenders, options)
        results[case] = result
        kept_floors[case] = best_floor(result)

    shown, notes = {}, []
    for case, result in results.items():
        best, others = kept_floors[case]
        # Of the floors only the lowest.
        shown[case] = {name: entry for name, entry in result.items() if name not in others}
        if best != "floor":
            shown[case]["floor"] = shown[case].pop(best)
        notes += floor_notes(case, result)
    last = ["Ayatori ÷ floor"]
    for case in shown:
        last += ["", ratio(median(shown[case].get("Ayatori")), median(shown[case].get("floor")))]
    table = compared("training step, µs", shown, more=[last])
    return results, "\n".join([table, "", *notes])


def best_floor(result):
    """The lowest floor's name, and the others'."""
    names = [name for name in result if name.startswith("floor")]
    best = min(names, key=lambda name: median(result[name]) or float("inf"))
    return best, [name for name in names if name != best]


def floor_notes(case, result):
    for name, entry in result.items():
        if name.startswith("floor") and median(entry):
            parts = {key: number(median(entry, key)) for key in ["threaded", "tiles", "adam"]}
            yield (
                f"- floor, {case}, {entry['kernels']} kernels: products {parts['threaded']} µs by "
                f"OpenBLAS's threads, {parts['tiles']} µs on tiles, the faster "
                f"{median(entry, 'gflops'):.0f} GF/s; Adam {parts['adam']} µs"
            )


def time_batches(options):
    """Ayatori beside JAX over batch and latent sizes."""
    results, rows = {}, []
    for model in options.models:
        for latent in [LATENT, 2]:
            for batch in options.batch:
                case = f"{model}, batch {batch}, Z = {latent}"
                contenders = step_contenders(options, model, batch, latent)
                result = race(f"training step, {case}", contenders, options)
                results[case] = result
                names = [contender.name for contender in contenders]
                row = [model, str(latent), str(batch), spread(result[names[0]])]
                for name in names[1:]:
                    row += [
                        spread(result[name]),
                        ratio(median(result[name]), median(result[names[0]])),
                    ]
                rows.append(row)
    head = ["training step, µs", "Z", "batch"]
    head += [names[0]] + [cell for name in names[1:] for cell in (name, "÷ Ayatori")]
    notes = [f"- {case}: {note}" for case in results for note in disagreements(results[case])]
    return results, "\n".join([markdown(head, rows), *([""] + notes if notes else [])])


def time_decoder(options):
    results = {}
    for batch in [1, 256]:
        common = ["--batch", str(batch)]
        contenders = [
            Ayatori("Ayatori", options, "decoder_pytorch.aya", "--batch-size", str(batch)),
            jax("JAX jit", options, "decode_jax.py", *common),
            torch("torch eager", options, "decode_torch.py", *common),
            Peer(
                "ONNX Runtime", options, "decode_onnxruntime.py", *common,
                needs=["numpy", "onnxruntime", "onnx"],
            ),
        ]
        results[f"batch {batch}"] = race(f"decoder, batch {batch}", contenders, options)
    return results, compared("decoder of vae_pytorch, z → recon, µs", results)


def time_compiling(options):
    """From a graph in hand to something that runs: new processes, in turn."""
    results = {}
    for model in options.models:
        batch = str(MODELS[model]["batch"])
        own = [options.ayatori, "bench", "--compile", ROOT / f"Graphs/{model}.aya", "--nodes", "0"]
        own += ["--batch-size", batch, "--json", "--rounds"]
        common = ["--model", model, "--batch", batch]

        def ours(rounds):
            graph = ask(own + [rounds])["graphs"][0]
            return 1e3 * sum(s for phase, s in graph["median"].items() if phase != "plan")

        def theirs(peer, *keys):
            with tempfile.TemporaryDirectory() as cache:
                peer.environment["TORCHINDUCTOR_CACHE_DIR"] = cache
                peer.environment["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
                del peer.environment["TORCHINDUCTOR_COMPILE_THREADS"]
                try:
                    peer.start()
                    return 1e3 * sum(peer.facts[key] for key in keys)
                finally:
                    peer.close()

        results[model] = in_turn(
            f"compiling, {model}",
            {
                "Ayatori": lambda: ours("1"),
                "Ayatori, again in the same process": lambda: ours("5"),
                "JAX: lowering and compilation": lambda: theirs(
                    jax("JAX", options, "train_jax.py", *common), "lowering", "compiling"
                ),
                "torch.compile: first step": lambda: theirs(
                    torch("torch", options, "train_torch.py", "--compile", "--fused", *common),
                    "compiling",
                ),
            },
            options,
            key="ms",
        )
    return results, compared("compiling a training step, ms", results, key="ms")


def time_starting(options):
    graph = ROOT / "Graphs/vae_pytorch.aya"
    own = {
        "`ayatori --help`": [options.ayatori, "--help"],
        "`ayatori dot Graphs/vae_pytorch.aya`": [options.ayatori, "dot", graph],
    }
    theirs = {
        "`python -c pass`": ([], "pass"),
        "`python -c 'import jax'`": (["jax"], "import jax"),
        "`python -c 'import torch'`": (["torch"], "import torch"),
    }
    environment = python_environment(options.threads)
    del environment["PYTHONDONTWRITEBYTECODE"]  # as users start it

    def wall(command, needs=()):
        for package in needs:
            if why_missing(package):
                raise Trouble(why_missing(package))
        start = time.perf_counter()
        done = subprocess.run(
            list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment,
        )
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            raise Trouble("failed: " + last_line(done.stderr, done.returncode))
        return seconds * 1e3

    result = in_turn(
        "start-up", {name: lambda c=c: wall(c) for name, c in own.items()}, options, 20, "ms"
    )
    result.update(
        in_turn(
            "start-up of Python",
            {
                name: lambda needs=needs, code=code: wall([sys.executable, "-c", code], needs)
                for name, (needs, code) in theirs.items()
            },
            options,
            key="ms",
        )
    )
    rows = [
        [name, spread(entry, "ms"), str(len(entry["rounds"]))] for name, entry in result.items()
    ]
    head = ["start of a process to its end", "ms: min / **median** / max", "runs"]
    return {"start-up": result}, markdown(head, rows)


def time_epochs(options):
    """Whole trainings: wall time, peak memory, and the loss they end at."""
    data = options.data or first_data()
    flags = ["--data", data, "--epochs", options.epochs, "--threads", options.threads]
    python = [sys.executable]
    commands = {
        "Ayatori": [options.ayatori, "train", ROOT / "Graphs/vae_pytorch.aya", *flags],
        "JAX, an epoch a jit": python + [HERE / "epochs_jax.py", *flags],
        "torch eager, fused Adam": python + [HERE / "epochs_torch.py", "--fused", *flags],
        "torch eager": python + [HERE / "epochs_torch.py", *flags],
    }
    packages = {name: name.split()[0].strip(",").lower() for name in commands}

    def one(name):
        if name == "Ayatori":
            return train(commands[name], None)
        reason = why_missing(packages[name])
        if reason:
            raise Trouble(reason)
        return train(commands[name], python_environment(options.threads))

    title = f"{counted(options.epochs, 'epoch')} of vae_pytorch, batch 64, on {data.name}"
    result = in_turn(title, {name: lambda n=name: one(n) for name in commands}, options)
    own = result["Ayatori"]
    head = [title, "s: min / **median** / max", "÷ Ayatori"]
    head += ["peak MiB", "÷ Ayatori", "train loss", "test loss"]
    rows = []
    for name, entry in result.items():
        memory = median(entry, "MiB")
        row = [name, spread(entry, "s"), ratio(median(entry, "s"), median(own, "s"))]
        row += [number(memory) if memory else "–", ratio(memory, median(own, "MiB"))]
        for key in ["train", "test"]:
            loss = median(entry, key)
            row.append(f"{loss:.2f}" if loss else "–")
        rows.append(row)
    return {title: result}, markdown(head, rows)


def train(command, environment):
    """Seconds, peak memory and last losses of a command that prints as `ayatori train` does."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)), stdout=out, stderr=log, env=environment
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # interrupted: it must not go on alone
            process.kill()
            raise
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        log.seek(0)
        text = out.read().decode()
        if process.returncode != 0:
            raise Trouble("failed: " + last_line(log.read(), process.returncode))
    found = re.findall(r"^Epoch \d+, Loss: (\S+)\n.*: loss ([^,\s]+)", text, re.MULTILINE)
    if not found:
        raise Trouble("failed: no epoch printed")
    return {
        "s": seconds, "MiB": usage.ru_maxrss / 1024,
        "train": float(found[-1][0]), "test": float(found[-1][1]),
    }


def first_data():
    home = os.environ.get("AYATORI_DATA")
    places = [pathlib.Path(home) / "mnist"] if home else []
    places += [ROOT / "data/mnist", ROOT / "../shared/data/mnist"]
    places += [pathlib.Path.home() / ".cache/ayatori/mnist"]
    places += [pathlib.Path("/usr/share/datasets") / name for name in ("mnist", "fashion-mnist")]
    for place in places:
        if any(place.glob("train-images-idx3-ubyte*")):
            return place.resolve()
    sys.exit("no images to train on: --data DIR, or install dataset-fashion-mnist")


def in_turn(title, actions, options, rounds=None, key="s"):
    """Runs each action once a round. An action gives a time, or a dictionary that holds it."""
    progress(title)
    result = {name: {"rounds": []} for name in actions}

    def take():
        answers = {}
        for name, action in actions.items():
            if "trouble" in result[name]:
                continue
            try:
                value = action()
                answers[name] = value if isinstance(value, dict) else {key: value}
            except Trouble as trouble:
                result[name]["trouble"] = str(trouble)
                progress(f"  {name}: {trouble}")
        return answers

    for answers in rounds_by(title, options, rounds or options.rounds, (), take):
        for name, answer in answers.items():
            result[name]["rounds"].append(answer)
    return result


# ---- the machine


def cpu_facts():
    """The first processor of /proc/cpuinfo."""
    text = pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def system():
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def machine(options):
    own = ask_text([options.ayatori, "--version"])
    if ROOT / ".build" in options.ayatori.parents and shutil.which("git"):
        own += " " + ask_text(["git", "-C", ROOT, "describe", "--always", "--dirty"])
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_facts().get("model name", platform.machine()),
        "cores": options.cores,
        "threads": options.threads,
        "load": round(os.getloadavg()[0], 2),
        "system": system(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "versions": {
            "Ayatori": own.strip(),
            **{package: version(package) for package in PACKAGES},
            "Python": platform.python_version(),
        },
    }


def ask_text(command):
    try:
        return subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=60
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return "?"


def heading(facts):
    versions = ", ".join(
        f"{name} {version or 'not installed'}" for name, version in facts["versions"].items()
    )
    cores, threads = counted(facts["cores"], "core"), counted(facts["threads"], "thread")
    return (
        f"{facts['cpu']}, {cores}, {threads}, {facts['system']}; {facts['date']}; "
        f"{counted(facts['rounds'], 'round')} in turn; load before {facts['load']}.\n"
        f"{versions}.\n"
        "A ratio above 1 says how many times Ayatori's median the other's is."
    )


def progress(text):
    print(text, file=sys.stderr, flush=True)


# ---- the command line


def sizes(text):
    try:
        return [size for word in text.split(",") if (size := int(word)) > 0 or int("not a size")]
    except ValueError:
        raise argparse.ArgumentTypeError("sizes, separated by commas: 1,16,512") from None


def models(text):
    names = text.split(",")
    if set(names) - set(MODELS):
        raise argparse.ArgumentTypeError("of " + ", ".join(MODELS))
    return names


def positive(kind):
    def convert(text):
        value = kind(text)
        if value <= 0:
            raise ValueError
        return value

    convert.__name__ = kind.__name__
    return convert


def parse():
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(
        prog="Tools/bench",
        description="Times Ayatori beside its peers, in turn, and prints Markdown tables. "
        "Without --decoder, --compile or --epochs: one training step of both VAEs.",
    )
    add = parser.add_argument
    add("--step", action="store_true", help="the training step, also beside the others")
    add("--batch", nargs="?", const=[1, 16, 512, 4096], type=sizes, metavar="SIZES",
        help="adds Ayatori beside JAX at these batch sizes, for Z = 20 and 2; 1,16,512,4096")
    add("--decoder", action="store_true", help="the decoder alone, at batch 1 and 256")
    add("--compile", action="store_true", help="compiling, and the start-up of processes")
    add("--epochs", nargs="?", const=10, type=positive(int), metavar="N",
        help="whole trainings of vae_pytorch, 10 epochs: wall time and peak memory")
    add("--data", type=pathlib.Path, metavar="DIR",
        help="with --epochs: IDX files; by default MNIST where it is found, or Fashion-MNIST")
    add("--models", type=models, default=list(MODELS), help="one of the two: " + ", ".join(MODELS))
    add("--rounds", type=positive(int), default=5, help="default: 5")
    add("--seconds", type=positive(float), default=0.5,
        help="how long a round of steps takes, about; default: 0.5")
    add("--patience", type=float, default=60, metavar="SECONDS",
        help="how long each table's column may wait for other work on this machine to end, to take "
        "a disturbed round again; default: 60")
    add("--threads", type=positive(int), default=cores, help="default: all cores")
    add("--json", type=pathlib.Path, metavar="FILE", help="where to store every round")
    add("--ayatori", type=pathlib.Path, default=ROOT / ".build/release/ayatori", metavar="PATH",
        help="another build of Ayatori than the one made of these sources")
    add("--floor", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads > cores:
        parser.error(f"--threads takes at most the {cores} cores there are")
    if options.data and not options.epochs:
        parser.error("--data goes with --epochs")
    if options.data and not options.data.is_dir():
        parser.error(f"no directory: {options.data}")
    options.cores = cores
    options.ayatori = options.ayatori.resolve()
    return options


def main():
    options = parse()
    # Every contender inherits this; libraries that look for cores find as many as they may use.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    others = options.decoder or options.compile or options.epochs
    sections = {
        "step": time_steps if options.step or not others else None,
        "batch": time_batches if options.batch else None,
        "decoder": time_decoder if options.decoder else None,
        "compile": time_compiling if options.compile else None,
        "startup": time_starting if options.compile else None,
        "epochs": time_epochs if options.epochs else None,
    }
    facts = machine(options)
    if facts["load"] > 0.25 * options.cores:
        progress(f"note: others work on this machine (load {facts['load']}), times will vary")
    print(heading(facts), flush=True)
    raw = {"machine": facts, "sections": {}}
    for name, section in sections.items():
        if section:
            raw["sections"][name], table = section(options)
            print("\n" + table, flush=True)
            if DISTURBED:
                print("\n" + "\n".join(DISTURBED), flush=True)
                raw["disturbed"] = raw.get("disturbed", []) + DISTURBED
                DISTURBED.clear()
            if options.json:
                options.json.parent.mkdir(parents=True, exist_ok=True)
                options.json.write_text(json.dumps(raw, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
