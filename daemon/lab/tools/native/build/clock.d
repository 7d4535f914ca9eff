build/clock.o: clock.c traffic.h
traffic.h:
