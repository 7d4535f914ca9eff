build/endpoint.o: endpoint.c traffic.h
traffic.h:
