"""nginx as a reverse proxy before a faulty upstream. Arguments: upstream-host upstream-port get|put own-port scratch-dir.

Only nginx gets the library: ND_TEST_PRELOAD names it (empty: natively). The client before nginx is ours, without a
deadline. Prints the status nginx answered with and the reason in nginx's own error log.
"""

import http.client
import os
import re
import subprocess
import sys
import time

CONF = """
worker_processes 1;
daemon off;
pid {scratch}/nginx.pid;
error_log {scratch}/error.log info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        location / {{
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://{upstream};
        }}
    }}
}}
"""


def ask(port, mode):
    for _ in range(200):
        try:
            conn = http.client.HTTPConnection("127.0.0.1", port)
            conn.connect()
            break
        except ConnectionRefusedError:
            time.sleep(0.02)
    else:
        sys.exit("nginx did not start to listen within 4 s")
    conn.request("GET" if mode == "get" else "PUT", "/", body=None if mode == "get" else bytes(32 << 20))
    answer = conn.getresponse()
    try:
        return answer.status, answer.read().decode().strip()
    except http.client.IncompleteRead:
        return answer.status, "cut short"


def main(host, upstream_port, mode, port, scratch):
    os.makedirs(scratch, exist_ok=True)
    conf = os.path.join(scratch, "nginx.conf")
    with open(conf, "w") as out:
        out.write(CONF.format(scratch=scratch, port=port, upstream=f"{host}:{upstream_port}"))
    environment = dict(os.environ)
    if preload := environment.pop("ND_TEST_PRELOAD"):
        environment["LD_PRELOAD"] = preload
    nginx = subprocess.Popen(["nginx", "-c", conf, "-e", f"{scratch}/error.log"], env=environment)
    try:
        try:
            status, text = ask(int(port), mode)
        except ConnectionError as error:
            status, text = 0, f"cut off ({type(error).__name__})"
    finally:
        nginx.terminate()
        nginx.wait(10)
    if status == 200 and text != "cut short":
        print("ok:", text)
        return 0
    with open(f"{scratch}/error.log") as log:
        reasons = re.findall(r"\[(?:error|crit|alert)\] [^:]*: \*\d+ (.*?), client", log.read())
    first_line = text.split("\n")[0] if status == 200 else ""
    print(f"error: {status} {first_line} timeout={any('timed out' in reason for reason in reasons)} {'; '.join(reasons)}")
    return 3


sys.exit(main(*sys.argv[1:]))
