"""One model under many threads, in many processes and for many texts: the same bits, and no memory."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tenor import TextClassifier, native
from tenor.classifier import PRETRAINED
from tenor.forking import undisturbed

needs_core = pytest.mark.skipif(not native.is_available(), reason="no compiled core here")
each_runtime = pytest.mark.parametrize("runtime", [pytest.param("native", marks=needs_core), "numpy"])
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
TEXTS = [
    " ".join(["the film", "is", "not", "good é", "👍", "unheard-of"][: n % 7] * (n % 4)) for n in range(60)
]


@pytest.fixture
def wide(tiny):
    """A model that is worth the core's threads."""
    return tiny(embedding_dim=40, hidden_sizes=(64,))


@pytest.fixture
def wide_folder(wide, tmp_path):
    TextClassifier(wide).save(tmp_path / "wide")
    return tmp_path / "wide"


@pytest.fixture
def hurried():
    """Threads take turns as often as they can, and the core uses two."""
    interval, threads = sys.getswitchinterval(), native.status().threads
    sys.setswitchinterval(1e-6)
    if native.is_available():
        native.set_threads(2)
    yield
    sys.setswitchinterval(interval)
    if native.is_available():
        native.set_threads(threads)


def many_calls():
    """Calls of every kind as (method, argument), in some order; a hundred differ."""
    generator = random.Random(0)
    calls = []
    for number in range(100):
        batch = generator.choices(TEXTS, k=generator.choice([1, 3, 24]))
        method = ("predict", "predict_proba", "read")[number % 3]
        calls.append((method, batch[0] if method == "read" else batch))
    return generator.sample(calls * 10, 1000)


def answers_of(classifier):
    """A function that makes a call and gives its answer, to be compared to the bit."""

    def answer(call):
        method, argument = call
        found = getattr(classifier, method)(argument)
        return found.tobytes() if method == "predict_proba" else found

    return answer


@each_runtime
def test_a_thousand_calls_of_sixteen_threads_answer_as_one_after_the_other(wide, runtime, hurried):
    answer, calls = answers_of(TextClassifier(wide, runtime=runtime)), many_calls()
    alone = {repr(call): answer(call) for call in calls[:500]}
    expected = [alone[repr(call)] if repr(call) in alone else answer(call) for call in calls]
    with ThreadPoolExecutor(16) as callers:
        assert list(callers.map(answer, calls)) == expected


SETTING = """
import hashlib, multiprocessing, os, signal, sys, threading, time
from tenor import TextClassifier
path, runtime, how = sys.argv[1:4]
texts = [" ".join(["the film", "is", "not", "good é", "bad"][: n % 6] * (n % 9)) for n in range(60)]
classifier = None

def answer(*_):
    global classifier
    classifier = classifier or TextClassifier.load(path, runtime=runtime)
    words = [word.probabilities for word in classifier.read(texts[-1]).words]
    return hashlib.sha256(classifier.predict_logits(texts).tobytes() + repr(words).encode()).hexdigest()
"""

THREADS = (
    SETTING
    + """
together, found = threading.Barrier(16), []

def load_and_answer():
    together.wait()
    found.append(TextClassifier.load(path, runtime=runtime).predict_logits(texts).tobytes())

callers = [threading.Thread(target=load_and_answer) for _ in range(16)]
for caller in callers:
    caller.start()
for caller in callers:
    caller.join()
expected = TextClassifier.load(path, runtime=runtime).predict_logits(texts).tobytes()
print([one == expected for one in found] == [True] * 16)
"""
)

WORKERS = (
    SETTING
    + """
if __name__ == "__main__":
    expected = answer()  # starts the core's threads; a forked worker gets this classifier
    with multiprocessing.get_context(how).Pool(2) as workers:
        found = workers.map_async(answer, range(8), chunksize=1).get(timeout=50)
    print(found == [expected] * 8)
"""
)

FORKS = (
    SETTING
    + """
def forked(work, seconds=20):
    child = os.fork()
    if child == 0:
        end = "wrong"
        try:
            end = work()
        finally:
            os._exit(0 if end == "right" else 1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return "right" if status == 0 else "wrong"
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "endless"

def answered():
    return "right" if answer() == expected else "wrong"

def predict_on():
    while not done.is_set():
        answers.add(answer())

expected, answers, done = answer(), set(), threading.Event()
busy = [threading.Thread(target=predict_on) for _ in range(2)]
for thread in busy:
    thread.start()
ends = {forked(lambda: forked(answered, 10))}  # a child's child
for _ in range(int(how)):
    if ends == {"right"}:
        ends.add(forked(answered))
done.set()
for thread in busy:
    thread.join()
print(*ends, answers == {expected})
"""
)


def output_of(tmp_path, code, *arguments):
    """What a script prints that has a file, as multiprocessing wants, and a process of its own."""
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=1800,
        env=os.environ | {"TENOR_THREADS": "2", "PYTHONHASHSEED": "0"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@each_runtime
def test_sixteen_threads_may_be_the_first_to_load_and_to_ask(tmp_path, wide_folder, runtime):
    assert output_of(tmp_path, THREADS, wide_folder, runtime, "") == "True"


@each_runtime
@pytest.mark.parametrize(
    "method", [pytest.param("fork", marks=needs_fork), "spawn", pytest.param("forkserver", marks=needs_fork)]
)
def test_worker_processes_answer_as_their_parent(tmp_path, wide_folder, runtime, method):
    assert output_of(tmp_path, WORKERS, wide_folder, runtime, method) == "True"


@needs_fork
@each_runtime
def test_children_forked_while_the_parent_predicts_answer_and_end(tmp_path, wide_folder, runtime):
    assert output_of(tmp_path, FORKS, wide_folder, runtime, 25) == "right True"


@needs_fork
@pytest.mark.slow
@each_runtime
def test_a_thousand_children_forked_while_the_parent_predicts_answer_and_end(tmp_path, wide_folder, runtime):
    assert output_of(tmp_path, FORKS, wide_folder, runtime, 1000) == "right True"


MEMORY = """
import gc, json, os, sys
from tenor import TextClassifier
path, runtime, warm_up, count, chunk = sys.argv[1:3] + [int(number) for number in sys.argv[3:]]
classifier = TextClassifier.load(path, runtime=runtime)

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def used(numbers):
    most = 0
    for first in range(numbers.start, numbers.stop, chunk):  # no text comes again
        texts = [f"the film {n:07} is not good é" for n in range(first, first + chunk)]
        classifier.predict(texts)
        most = max(most, resident())
    gc.collect()
    return most, sys.getallocatedblocks()

print(json.dumps([used(range(warm_up)), used(range(warm_up, warm_up + count))]))
"""


def assert_no_growth(tmp_path, runtime, warm_up, count, chunk):
    """That many texts make a process grow by 2 % at most, and leave no objects but a few of Python's own.

    The size is that at the end of a call, texts and all: what is given back between calls comes and goes
    by the MB. The packaged model, as one MB would be 3 % of a process with a tiny one.
    """
    found = output_of(tmp_path, MEMORY, PRETRAINED, runtime, warm_up, count, chunk)
    (size, objects), (size_after, objects_after) = json.loads(found)
    assert objects_after - objects < 1000
    assert size_after <= 1.02 * size


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc here")


@needs_proc
def test_a_hundred_thousand_predictions_take_no_memory(tmp_path):
    assert_no_growth(tmp_path, "auto", 50_000, 100_000, 10_000)


@needs_proc
def test_ten_thousand_calls_of_one_text_take_no_memory(tmp_path):
    assert_no_growth(tmp_path, "auto", 1000, 10_000, 1)


@needs_proc
@pytest.mark.slow
@each_runtime
def test_a_million_predictions_take_no_memory(tmp_path, runtime):
    assert_no_growth(tmp_path, runtime, 50_000, 1_000_000, 10_000)


@needs_proc
@pytest.mark.slow
@each_runtime
def test_a_hundred_thousand_calls_of_one_text_take_no_memory(tmp_path, runtime):
    assert_no_growth(tmp_path, runtime, 10_000, 100_000, 1)


@needs_fork
def test_a_fork_waits_for_products_of_other_threads():
    inside, leave = threading.Event(), threading.Event()

    def multiply():
        with undisturbed():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=multiply)
    thread.start()
    inside.wait(10)
    threading.Timer(0.3, leave.set).start()
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        with undisturbed():
            os._exit(0 if leave.is_set() else 1)
    assert time.perf_counter() - began > 0.25
    assert os.waitpid(child, 0)[1] == 0
    thread.join()
