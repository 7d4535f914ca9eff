build/udp.o: udp.c traffic.h
traffic.h:
