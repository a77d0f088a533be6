"""Examples of every command, for its help and docs/commands.md; a test parses each of them."""

EXAMPLES = {
    "": {
        "lab up direct": "service A calls service B directly",
        "lab load": "send 1000 requests and count the answers",
        "lab up sidecar": "put an Envoy that retries beside service A",
        "lab verify": "compare what was measured with what theory predicts",
        "lab down": "remove the lab",
    },
    "up": {
        "lab up sidecar": "the shipped scenario, on port 8080",
        "lab up sidecar --error-rate 50 --retries 3": "with other parameters",
        "lab up ./mine.yaml --dry-run": "what a scenario of your own would change",
        "lab up direct --name two --port 8081 --prometheus-port 9091": "a second lab",
    },
    "down": {
        "lab down": "remove the lab; Prometheus's history stays",
        "lab down --name two --volumes": "remove another lab with all of its data",
    },
    "status": {
        "lab status": "what runs, and whether it is as the scenario says",
        "lab status -o json": "the same for a script",
    },
    "build": {
        "lab build": "the images of `sidecar`, which are those of `direct` too",
        "lab build sidecar --source packages": "without a container registry",
    },
    "clean": {
        "lab clean --dry-run": "list the images that no lab uses, with their sizes",
        "lab clean": "remove them",
    },
    "scenarios": {
        "lab scenarios": "names, summaries and parameters",
        "lab scenarios -o json": "the same for a script",
    },
    "show": {
        "lab show sidecar": "the file, and the podman commands",
        "lab show sidecar --shell --set retries=3 > lab.sh": "only the commands",
        "lab show ./mine.yaml --quantities": "what its claims can speak of",
        "lab show sidecar --graph": "a picture of it, for a Markdown file",
        "lab show haproxy --config": "the configuration that HAProxy and Prometheus get",
    },
    "logs": {
        "lab logs -f service-a-envoy": "follow one container",
        "lab logs --tail 20": "the last lines of every container",
    },
    "doctor": {
        "lab doctor": "check this machine",
        "lab doctor --engine ssh://user@host/run/podman/podman.sock": "check another one's podman",
    },
    "load": {
        "lab load": "1000 requests, one after the other",
        "lab load -n 4000 -c 16": "16 in flight",
        "lab load --rate 200 --arrivals poisson --duration 30s": "an open loop",
        "lab load --url http://127.0.0.1:8080/ --timeout 500ms": "any HTTP server",
    },
    "verify": {
        "lab verify": "judge the latest load",
        "lab verify -n 4000 -c 16 --junit verdicts.xml": "judge a new one, for CI",
    },
    "compare": {
        "lab compare direct sidecar": "what the sidecar changes",
        "lab compare direct sidecar -n 4000 -c 16 --set error-rate=10": "under load",
    },
    "sweep": {
        "lab sweep --error-rate 0,10,20,30": "success by error rate",
        "lab sweep direct --over copies=1,3 -c 1,16": "any parameter of any scenario",
        "lab sweep -c 1,4,16,64 --max-retries 3,1024": "where the circuit breaker acts",
    },
    "replay": {
        "lab replay latest": "repeat the latest run",
    },
    "report": {
        "lab report": "the latest runs, into report.html",
        "lab report latest --html run.html": "one run",
    },
    "metrics": {
        "lab metrics": "live graphs of the last 2 minutes",
        "lab metrics --since 10m -o json": "the same numbers for a script",
    },
    "runs": {
        "lab runs --last 5": "the 5 newest runs",
        "lab runs show latest": "one run in full",
    },
    "runs show": {
        "lab runs show latest": "the newest run",
        "lab runs show 20260101-120000-sidecar-ab12 -o json": "a run by its id, for a script",
    },
    "runs diff": {
        "lab runs diff direct-1a2b sidecar-3c4d": "two runs by the ends of their ids",
    },
}
"""By the words after ``lab``: command lines, and what each is for."""
