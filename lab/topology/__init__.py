"""What a lab is: pods, containers, images, a network and volumes, as plain data."""
