build/connections.o: connections.c traffic.h
traffic.h:
