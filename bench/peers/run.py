#!/usr/bin/env python3
"""Tidemark beside Prometheus and VictoriaMetrics: the same load, the same questions, one after the other.

    bench/peers/run.py [--hosts 50] [--hours 6] [--step 15] [--systems prometheus,victoriametrics,tidemark]

Binaries: tidemark and peer_load from build/release; the peers from --peers DIR (or $PEERS_DIR) or the PATH. One that is
not there is reported as skipped. Prints a table; what it says is from /proc, the data directory and a clock around each
request.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICKS = os.sysconf('SC_CLK_TCK')

QUERIES = {  # name: (expression, seconds of range or 0 for an instant)
    'count of everything': ('count(up)', 0),
    'rate by instance': ('sum by (instance) (rate(node_cpu_seconds_total[5m]))', 0),
    'top 10': ('topk(10, rate(node_network_bytes_total[5m]))', 0),
    'one host, 1 h': ('rate(node_cpu_seconds_total{instance="host-0:9100"}[5m])', 3600),
    'all hosts, whole range': ('sum by (job) (rate(node_cpu_seconds_total[5m]))', -1),
    'histogram_quantile, whole range':
        ('histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))', -1),
    'max_over_time, whole range': ('max_over_time(node_load1[1h])', -1),
    'regex, whole range': ('sum(node_memory_bytes{instance=~"host-1.*",field=~"field[12].*"})', -1),
}


class System:
    def __init__(self, name, binary, arguments, ready):
        self.name, self.binary, self.arguments, self.ready = name, binary, arguments, ready


def find(name, directory):
    for folder in [directory] if directory else []:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    return shutil.which(name)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def systems(peers):
    empty = '{config}'
    return [
        System('prometheus', find('prometheus', peers),
               ['--config.file=' + empty, '--storage.tsdb.path={data}', '--web.listen-address=127.0.0.1:{port}',
                '--web.enable-remote-write-receiver', '--query.max-samples=500000000'], '/-/ready'),
        System('victoriametrics', find('victoria-metrics', peers),
               ['-storageDataPath={data}', '-httpListenAddr=127.0.0.1:{port}', '-search.latencyOffset=0s',
                '-search.disableCache', '-search.maxUniqueTimeseries=10000000', '-search.maxSamplesPerQuery=1000000000'],
               '/health'),
        System('tidemark', find('tidemark', os.path.join(ROOT, 'build/release/bin')),
               ['--config.file=' + empty, '--storage.tsdb.path={data}', '--web.listen-address=127.0.0.1:{port}',
                '--web.enable-remote-write-receiver'], '/-/ready'),
    ]


class Running:
    """One start of a system; leaves nothing running."""

    def __init__(self, system, data, config):
        self.port = free_port()
        arguments = [a.format(data=data, port=self.port, config=config) for a in system.arguments]
        self.log = open(data + '.log', 'a')
        self.process = subprocess.Popen([system.binary] + arguments, stdout=self.log, stderr=self.log)
        self.wait_for(system.ready)

    def get(self, path, timeout=300):
        with urllib.request.urlopen(f'http://127.0.0.1:{self.port}{path}', timeout=timeout) as answer:
            return answer.read()

    def wait_for(self, path, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                sys.exit(f'{self.process.args[0]} ended with {self.process.returncode}, see {self.log.name}')
            try:
                return self.get(path, 5)
            except (urllib.error.URLError, OSError):
                time.sleep(0.005)
        sys.exit(f'{self.process.args[0]} did not answer {path}, see {self.log.name}')

    def cpu_seconds(self):
        with open(f'/proc/{self.process.pid}/stat') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self, field):
        with open(f'/proc/{self.process.pid}/status') as f:
            for line in f:
                if line.startswith(field + ':'):
                    return int(line.split()[1]) / 1024

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(300)
        self.log.close()


def directory_bytes(path):
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                pass
    return total


def ask(running, expression, seconds, end):
    query = {'query': expression}
    if seconds:
        query.update(start=end - seconds, end=end, step=max(15, seconds // 250))
        path = '/api/v1/query_range?'
    else:
        query['time'] = end
        path = '/api/v1/query?'
    answer = json.loads(running.get(path + urllib.parse.urlencode(query)))
    return bool(answer['data']['result'])


def measure(system, options, end):
    folder = tempfile.mkdtemp(prefix='peers-')
    data, config = os.path.join(folder, 'data'), os.path.join(folder, 'empty.yml')
    try:
        with open(config, 'w') as f:
            f.write('global: {}\n')
        os.makedirs(data)
        row = {}
        running = Running(system, data, config)
        load = subprocess.run([os.path.join(ROOT, 'build/release/bench/peer_load'), '127.0.0.1', str(running.port),
                               '/api/v1/write', str(options.hosts), str(options.hours), str(options.step), str(end)],
                              capture_output=True, text=True)
        if load.returncode:
            sys.exit(f'{system.name}: the load was refused: {load.stdout}{load.stderr}')
        samples = json.loads(load.stdout)['samples']
        row['CPU s / M samples'] = round(running.cpu_seconds() / samples * 1e6, 3)
        row['RSS MB after load'] = round(running.memory_mb('VmRSS'))
        row['peak RSS MB'] = round(running.memory_mb('VmHWM'))
        if system.name == 'victoriametrics':
            running.get('/internal/force_flush')  # What came last is not searchable for some seconds otherwise.
        for name, (expression, seconds) in QUERIES.items():
            if seconds < 0:
                seconds = int(options.hours * 3600)
            times = []
            for _ in range(options.repeat):
                begun = time.monotonic()
                if not ask(running, expression, seconds, end):
                    sys.exit(f'{system.name}: {expression} has no answer')
                times.append((time.monotonic() - begun) * 1000)
            row['ms: ' + name] = round(statistics.median(times), 1)
        for what, how in (('killed', signal.SIGKILL), ('stopped', signal.SIGTERM)):
            running.stop(how)
            if how == signal.SIGTERM:
                row['bytes / sample, stopped'] = round(directory_bytes(data) / samples, 3)
            begun = time.monotonic()
            running = Running(system, data, config)
            there = ask(running, 'count(up)', 0, end)
            # A peer that loses its last seconds when it is killed answers with nothing.
            row[f's to an answer, {what}'] = round(time.monotonic() - begun, 2) if there else 'newest samples lost'
        running.stop()
        return samples, row
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hosts', type=int, default=50)
    parser.add_argument('--hours', type=float, default=6)
    parser.add_argument('--step', type=int, default=15)
    parser.add_argument('--repeat', type=int, default=5)
    parser.add_argument('--systems', default='prometheus,victoriametrics,tidemark')
    parser.add_argument('--peers', default=os.environ.get('PEERS_DIR', ''))
    parser.add_argument('--keep', action='store_true', help='leave the data directories')
    options = parser.parse_args()
    end = int(time.time()) // 60 * 60
    columns = {}
    for system in systems(options.peers):
        if system.name not in options.systems.split(','):
            continue
        if not system.binary:
            print(f'skipped: {system.name} was not found', file=sys.stderr)
            continue
        samples, columns[system.name] = measure(system, options, end)
        print(f'{system.name}: {samples} samples', file=sys.stderr, flush=True)
    if not columns:
        sys.exit('nothing to compare')
    print('| ' + ' | '.join([f'{options.hosts} hosts, {options.hours:g} h at {options.step} s'] + list(columns)) + ' |')
    print('|' + '---|' * (len(columns) + 1))
    for line in next(iter(columns.values())):
        print('| ' + ' | '.join([line] + [str(row[line]) for row in columns.values()]) + ' |')


if __name__ == '__main__':
    main()
