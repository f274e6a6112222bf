"""Wall time of the commands people wait for, without and with the compilation cache, in fresh processes."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EVIDENCE = str(Path(sys.executable).with_name("evidence"))
COMMANDS = {
    "quick": ["quick", "A 120/400 vs B 180/400", "--class", "small-open-chat", "--lower-is-better"],
    "review": ["review", "greenblatt2023control"],
    "rank": ["rank", "control"],
}


def seconds(arguments, cache):
    start = time.perf_counter()
    environment = {**os.environ, "EVIDENCE_CACHE_DIR": cache}
    subprocess.run([EVIDENCE, *arguments], env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def main():
    print("| command | no cache, s | warm cache, s (best of 3) |\n|---|---|---|")
    for name, arguments in COMMANDS.items():
        with tempfile.TemporaryDirectory() as cache:
            cold = seconds(arguments, cache)
            warm = min(seconds(arguments, cache) for _ in range(3))
        print(f"| {name} | {cold:.1f} | {warm:.1f} |", flush=True)


if __name__ == "__main__":
    main()
