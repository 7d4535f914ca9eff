build/request-response.o: request-response.c traffic.h
traffic.h:
