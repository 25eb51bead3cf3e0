// In place of ssh2, which docker-modem loads for engines behind ssh: dozen's engine is a unix socket, and the controller would start later for it.
