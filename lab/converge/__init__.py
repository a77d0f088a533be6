"""Making podman match a lab's description: observe, plan, apply, wait until ready."""
