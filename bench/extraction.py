"""How fast and how completely are the documents of a manifest read, beside kreuzberg and markitdown?

Usage: extraction.py MEASURE DATA [ROUNDS]
  MEASURE  the built example `measure` of crates/ingest (cargo build --release -p intramuros-ingest --example measure)
  DATA     a folder with documents/ and documents-manifest.tsv
Needs `pip install kreuzberg 'markitdown[all]'`; a peer that is missing is left out. Reads the files marked ok, in one
run, peers in turn, and prints the median of the rounds. Right means: the expected phrase is in the text, white space
removed (strict), or letters and figures only (lenient). OCR is off everywhere. CPU seconds are given beside the wall
clock's: they say more on a machine that does other things.
"""
import json, os, resource, statistics, subprocess, sys, tempfile, time, shutil, logging, warnings
from concurrent.futures import ThreadPoolExecutor

logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")
measure, data = sys.argv[1], sys.argv[2]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
rows = []
with open(os.path.join(data, "documents-manifest.tsv"), encoding="utf-8") as table:
    header = table.readline().rstrip("\n").split("\t")
    for line in table:
        row = dict(zip(header, line.rstrip("\n").split("\t")))
        if row["kind"] == "ok":
            rows.append((os.path.join(data, "documents", row["file"]), row["expected"]))
paths = [path for path, _ in rows]
strict = lambda text: "".join(text.split())
lenient = lambda text: "".join(character for character in text if character.isalnum())


def score(texts):
    counts = [0, 0]
    for (path, expected), text in zip(rows, texts):
        if text is None:
            continue
        if expected.startswith("(no phrase"):
            counts = [count + 1 for count in counts]
            continue
        counts[0] += strict(expected) in strict(text)
        counts[1] += lenient(expected) in lenient(text)
    return counts


def threads(read):
    def one(path):
        try:
            return read(path)
        except Exception:
            return None
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, paths))


peers = {}
try:
    import kreuzberg
    plain = kreuzberg.ExtractionConfig(disable_ocr=True, use_cache=False)
    peers["kreuzberg"] = lambda: threads(lambda path: kreuzberg.extract_file_sync(path, config=plain).content)
except ImportError:
    pass
try:
    from markitdown import MarkItDown
    reader = MarkItDown()
    peers["markitdown"] = lambda: threads(lambda path: reader.convert(path).text_content)
except ImportError:
    pass

def cpu(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


wall = {name: [] for name in ["intramuros", *peers]}
busy = {name: [] for name in wall}
texts = {}
INNER = 5
with tempfile.TemporaryDirectory() as folder:
    for path in paths:
        shutil.copy(path, folder)
    for _ in range(rounds):
        # The first inner round starts the workers, as importing a library stands outside the peers' clocks.
        before = cpu(resource.RUSAGE_CHILDREN)
        run = subprocess.run([measure, folder, str(INNER)], capture_output=True, text=True, check=True)
        busy["intramuros"].append((cpu(resource.RUSAGE_CHILDREN) - before) / INNER)
        wall["intramuros"].append(statistics.median(json.loads(line)["seconds"] for line in run.stdout.splitlines()[1:]))
        for name, read in peers.items():
            before, start = cpu(resource.RUSAGE_SELF), time.perf_counter()
            texts[name] = read()
            wall[name].append(time.perf_counter() - start)
            busy[name].append(cpu(resource.RUSAGE_SELF) - before)
print(f"{len(rows)} files, {rounds} rounds, two at a time, load {os.getloadavg()[0]:.1f}")
for name in wall:
    right = "see the manifest test" if name == "intramuros" else "strict {} lenient {}".format(*score(texts[name]))
    print(
        f"{name:12} median {statistics.median(wall[name]):.2f} s, best {min(wall[name]):.2f} s,"
        f" CPU {statistics.median(busy[name]):.2f} s, right: {right}"
    )
