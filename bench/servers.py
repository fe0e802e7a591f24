"""What public servers pay under public load: throughput, processor time per request, latency; beside what people use instead.

One server per way runs, all on one processor, the client on another. They are loaded in turn for a fraction of a second each,
there and back again (A, B, C, ... C, B, A, in an order that changes), and figures are ratios to the two direct ones within such
a round: what the machine does slowly falls out. For each round the servers are made anew, in another order: where their pages
happen to lie is worth two per cent.

Nothing is timed to pass or fail; it fails if a way does not serve, or is not what its name says (ways.py).
"""

import contextlib
import random

import counted
import go_workshop
import serving
import ways
from loading import CONNECTIONS, Redis, Wrk
from tools import median, quantile, table

AIM, AIMED = 1.02, ("redis GET", "nginx, a small page")


def load(client, port, billed, environment, seconds):
    """One slice: requests a second; ns of all `billed` per request; p50, p99; the client's own ns per request."""
    before = sum(one.used() for one in billed)
    made = client.slice(port, environment, ways.CLIENT, seconds)
    ns = sum(one.used() for one in billed) - before
    return made.rate, ns / made.requests, made.p50, made.p99, made.client_ns / made.requests


def one_round(kind, clients, seconds, found):
    """Start every way of a kind, load all in turn; add what comes of it to `found[title][way]`."""
    workshop = kind.workshop
    plain, armed = ways.environment(workshop, "direct"), ways.environment(workshop, "armed")
    with ways.running(kind, random.sample(kind.ways, len(kind.ways))) as servers, contextlib.ExitStack() as stack:
        direct = servers["direct"]
        proxy = serving.haproxy(workshop, f"{kind.name}, HAProxy", plain, ways.SERVER, direct)
        stack.callback(proxy.end)
        order = {way: (servers[way].port, [servers[way]], plain) for way in kind.ways}
        order["client armed"] = (direct.port, [direct], armed)
        order["HAProxy"] = (proxy.port, [proxy, direct], plain)
        for title, client in clients.items():
            for whom in order.values():
                load(client, *whom, seconds / 4)
            shuffled = random.sample(list(order), len(order))
            turn = {way: [] for way in order}
            for way in (*shuffled, *reversed(shuffled)):
                turn[way].append(load(client, *order[way], seconds))
            tracer = serving.Tracer(direct, ways.SERVER)
            try:
                turn["strace"] = [load(client, direct.port, [direct, tracer], plain, seconds)]
            finally:
                tracer.end()
            for way, all_of in turn.items():
                found[title].setdefault(way, []).append([sum(figures) / len(all_of) for figures in zip(*all_of)])


RATE, CPU, P50, P99, CLIENT_CPU = range(5)


def ratios(found, way, figure):
    """Over the mean of the two direct ones, by round."""
    if way == "client armed" and figure == CPU:
        figure = CLIENT_CPU
    both = zip(found["direct"], found["direct again"])
    return [2 * a[figure] / (b[figure] + c[figure]) for a, (b, c) in zip(found[way], both)]


def rows(found):
    for way, rounds in found.items():
        cells = [way]
        for figure, scale in ((RATE, 1), (CPU, 1000), (P50, 1), (P99, 1)):
            column = CLIENT_CPU if way == "client armed" and figure == CPU else figure
            value = median(figures[column] for figures in rounds) / scale
            all_of = ratios(found, way, figure)
            cells.append(f"{value:.{2 if figure == CPU else 0}f}")
            cells.append(f"{median(all_of):.3f}")
            if figure in (RATE, CPU):
                cells.append(f"{quantile(all_of, 0.25):.3f}-{quantile(all_of, 0.75):.3f}")
        yield cells


HEAD = ["", "requests/s", "x", "middle half", "us/request", "x", "middle half", "p50 us", "x", "p99 us", "x"]


def judge(title, found, aimed):
    """The aims, as lines."""
    cpu = {way: median(ratios(found, way, CPU)) for way in found}
    rate = {way: median(ratios(found, way, RATE)) for way in found}
    if aimed:
        verdict = "met" if round(cpu["armed"], 3) <= AIM else "missed"
        print(f"Aim: armed at most {AIM - 1:.0%} of processor time per request: {cpu['armed'] - 1:+.1%}: {verdict}.")
    print(
        f"Armed is ahead of HAProxy {rate['armed'] / rate['HAProxy']:.2f} times in throughput, "
        f"{cpu['HAProxy'] / cpu['armed']:.2f} times in processor time per request.\n",
        flush=True,
    )


def report(workshop, size, command):
    quick, seconds = size == "quick", 0.15 if size == "quick" else 0.3
    (workshop.directory / "go").mkdir()
    go = go_workshop.Workshop(workshop.directory / "go", workshop.library, command)
    redis, nginx = ways.C("redis", serving.redis, workshop), ways.C("nginx", serving.nginx, workshop)
    # Title: client, rounds.
    kinds = {
        redis: {"redis GET": (Redis(), 10), "redis GET, pipelines of 16": (Redis(16), 4)},
        nginx: {"nginx, a small page": (Wrk(), 10), "nginx, a connection per request": (Wrk(False), 4)},
        ways.Go("Go http, dynamic", "dynamic", workshop, go): {"Go http, dynamic": (Wrk(), 5)},
        ways.Go("Go http, static", "static", workshop, go): {"Go http, static": (Wrk(), 5)},
    }
    print(ways.LEGEND)
    print(f"\nServers under load, {CONNECTIONS} connections. x: over the mean of direct and direct again.\n", flush=True)
    ways.must_bound_its_server(workshop, lambda port: ["redis-benchmark", "-p", str(port), "-n", "100", "GET", "bench"])
    ways.must_bound_its_server(workshop, lambda port: ["wrk", "-t1", "-c10", "-d9s", f"http://127.0.0.1:{port}/"])
    counted.report([(redis, counted.GET, serving.VALUE), (nginx, serving.ASK, serving.PAGE.encode())], size)
    for kind, clients in kinds.items():
        ways.must_bound_its_connections(kind)
        if quick:
            clients = {title: (client, 1) for title, (client, rounds) in clients.items() if rounds > 4}
        found = {title: {} for title in clients}
        for done in range(max(rounds for _, rounds in clients.values())):
            now = {title: client for title, (client, rounds) in clients.items() if done < rounds}
            one_round(kind, now, seconds, found)
        for title in clients:
            print(title)
            table(HEAD, list(rows(found[title])))
            judge(title, found[title], title in AIMED)
