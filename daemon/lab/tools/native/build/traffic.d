build/traffic.o: traffic.c traffic.h
traffic.h:
