"""What a person reads: one line per cell as it ends, the matrix, lateness, the totals."""

import statistics

import cells
import cell as runner
import records


def line(result):
    verdict = "FAIL" if result.wrong else "ok"
    if result.shimmed is None:
        native = result.native
        facts = "not run" if native is None else f"natively {native.code} after {native.seconds:.1f} s"
        if native and native.output and native.code is not None:
            facts += f": {runner.last_lines(native.output)}"
    elif result.cell.expect:
        run, expect = result.shimmed, result.cell.expect
        met = ", ".join(f"{record.get('operation')} {records.lateness(record):+.1f} ms" for record in result.records)
        facts = f"hangs natively; {expect.times} x {result.cell.cut_by} [{met}], exit {run.code}: "
        facts += runner.last_lines(run.output)[:110]
    else:
        facts = f"undisturbed in {result.shimmed.seconds:.1f} s" if not result.wrong else ""
    text = f"{verdict:4} {result.cell.name:28} {facts}"
    return "\n".join([text, *(f"       {fault}" for fault in result.wrong)])


def entry(result):
    if result is None:
        return ""
    if result.wrong:
        return "FAIL"
    if result.shimmed is None:
        return "native"
    if not result.cell.expect:
        return "ok"
    worst = max((records.lateness(record) for record in result.records), default=0.0)
    return f"{len(result.records)}x +{worst:.0f} ms"


def matrix(results):
    by_name = {result.cell.name: result for result in results}
    columns = [*cells.FAULTS, "late", "late-accept", "late-reader"]
    rows = [["", *columns]]
    for client in cells.ALL:
        row = [entry(by_name.get(f"{client.name}/{column}")) for column in columns]
        if any(row):
            rows.append([client.name, *row])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows]
    extra = [result for result in results if result.cell in cells.EXTRA]
    return "\n".join([*lines, *(f"{result.cell.name}: {entry(result)}" for result in extra)])


def lateness(results):
    """The median must be close even where single records are late because the machine was busy."""
    late = sorted(records.lateness(record) for result in results for record in result.records if "waited_ms" in record)
    if not late:
        return "no expiry was recorded", True
    median, far = statistics.median(late), [value for value in late if value > records.CLOSE_MS]
    text = f"lateness of {len(late)} expiries: median {median:.1f} ms, worst {late[-1]:.1f} ms, earliest {late[0]:+.3f} ms"
    if far:
        text += f"; note: {len(far)} were more than {records.CLOSE_MS:.0f} ms late (a busy machine)"
    return text, median <= records.CLOSE_MS
