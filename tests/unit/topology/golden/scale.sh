# The sidecar balances the calls of service A across replicas of service B.
# lab itself also labels what it creates, to know it again, and as root sets
# firewall rules that keep packets from elsewhere out of the network.

# Images; lab builds from a copy of the context, to which it adds what the build
# must not fetch (Python packages) and in which it fills in the *.tmpl files
podman build --tag envoy-prom --build-arg BASE=prometheus \
    --build-arg 'SCRAPE_CONFIGS=[{"job_name": "service-a", "metrics_path": "/metrics", "body_size_limit": "4MB", "sample_limit": 10000, "label_limit": 50, "label_name_length_limit": 200, "label_value_length_limit": 1000, "target_limit": 200, "static_configs": [{"targets": ["service-a-pod:8081"]}]}, {"job_name": "service-a-envoy", "metrics_path": "/stats/prometheus", "body_size_limit": "4MB", "sample_limit": 10000, "label_limit": 50, "label_name_length_limit": 200, "label_value_length_limit": 1000, "target_limit": 200, "static_configs": [{"targets": ["service-a-pod:9902"]}]}, {"job_name": "service-a-haproxy", "metrics_path": "/metrics", "body_size_limit": "4MB", "sample_limit": 10000, "label_limit": 50, "label_name_length_limit": 200, "label_value_length_limit": 1000, "target_limit": 200, "static_configs": [{"targets": ["service-a-pod:8405"]}]}, {"job_name": "service-b", "metrics_path": "/metrics", "body_size_limit": "4MB", "sample_limit": 10000, "label_limit": 50, "label_name_length_limit": 200, "label_value_length_limit": 1000, "target_limit": 200, "static_configs": [{"targets": ["service-b-pod-1:8081", "service-b-pod-2:8081", "service-b-pod-3:8081"]}]}]' \
    --file prometheus/Containerfile prometheus
podman build --tag service-b --build-arg BASE=python --build-arg SERVICE=service_b \
    --file services/Containerfile services
podman build --tag service-a --build-arg BASE=python --build-arg SERVICE=service_a \
    --file services/Containerfile services
podman build --tag service-a-envoy --build-arg BASE=envoy --build-arg RETRIES=2 \
    --build-arg MAX_RETRIES=3 --file envoy/Containerfile envoy

# A network of the lab's own; names come from --add-host, so it has no DNS
podman network create --disable-dns --opt isolate=true --subnet 10.64.1.0/24 --gateway 10.64.1.1 \
    lab
podman volume create lab-prometheus-data

# prometheus-pod
podman pod create --name prometheus-pod --network lab --ip 10.64.1.10 \
    --mac-address 02:00:0a:40:01:0a --add-host service-a-pod:10.64.1.14 \
    --add-host service-b-pod-1:10.64.1.11 --add-host service-b-pod-2:10.64.1.12 \
    --add-host service-b-pod-3:10.64.1.13 --publish 127.0.0.1:9090:9090 \
    --sysctl net.ipv4.ip_unprivileged_port_start=0 --security-opt no-new-privileges
podman run --detach --name envoy-prom --pod prometheus-pod \
    --volume lab-prometheus-data:/prometheus --read-only --tmpfs /tmp --tmpfs /run --cap-drop all \
    --security-opt no-new-privileges --memory 512m --pids-limit 256 --stop-timeout 5 \
    --log-driver k8s-file --log-opt max-size=10m --no-healthcheck envoy-prom

# service-b-pod-1
podman pod create --name service-b-pod-1 --network lab --ip 10.64.1.11 \
    --mac-address 02:00:0a:40:01:0b --sysctl net.ipv4.ip_unprivileged_port_start=0 \
    --security-opt no-new-privileges
podman run --detach --name service-b-1 --pod service-b-pod-1 --env ERROR_RATE=20 --env REPLICA=1 \
    --read-only --tmpfs /tmp --tmpfs /run --cap-drop all --security-opt no-new-privileges \
    --memory 512m --pids-limit 256 --stop-timeout 5 --log-driver k8s-file --log-opt max-size=10m \
    --no-healthcheck service-b

# service-b-pod-2
podman pod create --name service-b-pod-2 --network lab --ip 10.64.1.12 \
    --mac-address 02:00:0a:40:01:0c --sysctl net.ipv4.ip_unprivileged_port_start=0 \
    --security-opt no-new-privileges
podman run --detach --name service-b-2 --pod service-b-pod-2 --env ERROR_RATE=20 --env REPLICA=2 \
    --read-only --tmpfs /tmp --tmpfs /run --cap-drop all --security-opt no-new-privileges \
    --memory 512m --pids-limit 256 --stop-timeout 5 --log-driver k8s-file --log-opt max-size=10m \
    --no-healthcheck service-b

# service-b-pod-3
podman pod create --name service-b-pod-3 --network lab --ip 10.64.1.13 \
    --mac-address 02:00:0a:40:01:0d --sysctl net.ipv4.ip_unprivileged_port_start=0 \
    --security-opt no-new-privileges
podman run --detach --name service-b-3 --pod service-b-pod-3 --env ERROR_RATE=20 --env REPLICA=3 \
    --read-only --tmpfs /tmp --tmpfs /run --cap-drop all --security-opt no-new-privileges \
    --memory 512m --pids-limit 256 --stop-timeout 5 --log-driver k8s-file --log-opt max-size=10m \
    --no-healthcheck service-b

# service-a-pod
podman pod create --name service-a-pod --network lab --ip 10.64.1.14 \
    --mac-address 02:00:0a:40:01:0e --add-host b.service:10.64.1.11 --add-host b.service:10.64.1.12 \
    --add-host b.service:10.64.1.13 --add-host b.local.service:127.0.0.1 \
    --add-host 1.b.service:10.64.1.11 --add-host 2.b.service:10.64.1.12 \
    --add-host 3.b.service:10.64.1.13 --publish 127.0.0.1:8080:80 \
    --sysctl net.ipv4.ip_unprivileged_port_start=0 --security-opt no-new-privileges
podman run --detach --name service-a --pod service-a-pod --env SERVICE_HOST=127.0.0.1 \
    --env SERVICE_PORT=8000 --env UPSTREAM_SERVICE=http://b.local.service:9001 --read-only \
    --tmpfs /tmp --tmpfs /run --cap-drop all --security-opt no-new-privileges --memory 512m \
    --pids-limit 256 --stop-timeout 5 --log-driver k8s-file --log-opt max-size=10m --no-healthcheck \
    service-a
podman run --detach --name service-a-envoy --pod service-a-pod --read-only --tmpfs /tmp \
    --tmpfs /run --cap-drop all --security-opt no-new-privileges --memory 512m --pids-limit 256 \
    --stop-timeout 5 --log-driver k8s-file --log-opt max-size=10m --no-healthcheck service-a-envoy
