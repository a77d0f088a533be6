# Service A calls service B directly, so every failure of B becomes one of A.
# lab itself also labels what it creates, to know it again, and as root sets
# firewall rules that keep packets from elsewhere out of the network.

# Images; lab builds from a copy of the context, to which it adds what the build
# must not fetch (Python packages) and in which it fills in the *.tmpl files
podman build --tag envoy-prom --build-arg BASE=prometheus \
    --build-arg 'SCRAPE_CONFIGS=[{"job_name": "service-a", "metrics_path": "/metrics", "body_size_limit": "4MB", "sample_limit": 10000, "label_limit": 50, "label_name_length_limit": 200, "label_value_length_limit": 1000, "target_limit": 200, "static_configs": [{"targets": ["service-a-pod:8081"]}]}, {"job_name": "service-a-envoy", "metrics_path": "/stats/prometheus", "body_size_limit": "4MB", "sample_limit": 10000, "label_limit": 50, "label_name_length_limit": 200, "label_value_length_limit": 1000, "target_limit": 200, "static_configs": [{"targets": ["service-a-pod:9902"]}]}, {"job_name": "service-a-haproxy", "metrics_path": "/metrics", "body_size_limit": "4MB", "sample_limit": 10000, "label_limit": 50, "label_name_length_limit": 200, "label_value_length_limit": 1000, "target_limit": 200, "static_configs": [{"targets": ["service-a-pod:8405"]}]}, {"job_name": "service-b", "metrics_path": "/metrics", "body_size_limit": "4MB", "sample_limit": 10000, "label_limit": 50, "label_name_length_limit": 200, "label_value_length_limit": 1000, "target_limit": 200, "static_configs": [{"targets": ["service-b-pod:8081"]}]}]' \
    --file prometheus/Containerfile prometheus
podman build --tag service-b --build-arg BASE=python --build-arg SERVICE=service_b \
    --file services/Containerfile services
podman build --tag service-a --build-arg BASE=python --build-arg SERVICE=service_a \
    --file services/Containerfile services

# A network of the lab's own; names come from --add-host, so it has no DNS
podman network create --disable-dns --opt isolate=true --subnet 10.64.1.0/24 --gateway 10.64.1.1 \
    lab
podman volume create lab-prometheus-data

# prometheus-pod
podman pod create --name prometheus-pod --network lab --ip 10.64.1.10 \
    --mac-address 02:00:0a:40:01:0a --add-host service-a-pod:10.64.1.12 \
    --add-host service-b-pod:10.64.1.11 --publish 127.0.0.1:9090:9090 \
    --sysctl net.ipv4.ip_unprivileged_port_start=0 --security-opt no-new-privileges
podman run --detach --name envoy-prom --pod prometheus-pod \
    --volume lab-prometheus-data:/prometheus --read-only --tmpfs /tmp --tmpfs /run --cap-drop all \
    --security-opt no-new-privileges --memory 512m --pids-limit 256 --stop-timeout 5 \
    --log-driver k8s-file --log-opt max-size=10m --no-healthcheck envoy-prom

# service-b-pod
podman pod create --name service-b-pod --network lab --ip 10.64.1.11 \
    --mac-address 02:00:0a:40:01:0b --sysctl net.ipv4.ip_unprivileged_port_start=0 \
    --security-opt no-new-privileges
podman run --detach --name service-b --pod service-b-pod --env ERROR_RATE=20 --read-only \
    --tmpfs /tmp --tmpfs /run --cap-drop all --security-opt no-new-privileges --memory 512m \
    --pids-limit 256 --stop-timeout 5 --log-driver k8s-file --log-opt max-size=10m --no-healthcheck \
    service-b

# service-a-pod
podman pod create --name service-a-pod --network lab --ip 10.64.1.12 \
    --mac-address 02:00:0a:40:01:0c --add-host b.service:10.64.1.11 \
    --add-host b.local.service:127.0.0.1 --publish 127.0.0.1:8080:80 \
    --sysctl net.ipv4.ip_unprivileged_port_start=0 --security-opt no-new-privileges
podman run --detach --name service-a --pod service-a-pod --env SERVICE_HOST=0.0.0.0 \
    --env SERVICE_PORT=80 --env UPSTREAM_SERVICE=http://b.service:80 --read-only --tmpfs /tmp \
    --tmpfs /run --cap-drop all --security-opt no-new-privileges --memory 512m --pids-limit 256 \
    --stop-timeout 5 --log-driver k8s-file --log-opt max-size=10m --no-healthcheck service-a
